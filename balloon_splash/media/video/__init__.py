"""Videos in and out, with PyAV: frames with exact times, colours as they were meant, sound untouched."""
