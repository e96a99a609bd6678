"""Videos in and out, with PyAV: frames with exact times, colours as intended, sound untouched."""
