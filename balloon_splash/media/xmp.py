"""XMP packets without what a splash makes untrue: thumbnails, and promises of further pictures in the file."""

from __future__ import annotations

from collections.abc import Collection
from xml.dom import minidom
from xml.parsers.expat import ExpatError

TIFF = "http://ns.adobe.com/tiff/1.0/"
EXIF = "http://ns.adobe.com/exif/1.0/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

UNTRUE = {
    "http://ns.adobe.com/hdr-gain-map/1.0/": "the gain map (HDR)",
    "http://ns.apple.com/HDRGainMap/1.0/": "the gain map (HDR)",
    "http://ns.google.com/photos/1.0/container/": "",
    "http://ns.google.com/photos/1.0/camera/": "",
    "http://ns.google.com/photos/1.0/depthmap/": "the depth map",
    "http://ns.google.com/photos/1.0/image/": "the picture inside XMP",
    "http://ns.google.com/photos/1.0/audio/": "the sound inside XMP",
    "http://ns.google.com/photos/dd/1.0/": "the depth map",
    "http://ns.apple.com/depthData/1.0/": "the depth map",
    "http://ns.apple.com/pixeldatainfo/1.0/": "the depth map",
    "http://ns.adobe.com/xap/1.0/g/img/": "",
}
"""Prefixes of the namespaces whose properties describe further pictures, with their names in notes.

Ultra HDR (developer.android.com), ISO 21496-1, Apple's gain maps, Google's containers, cameras (motion photos),
depth maps and dynamic depth. Copies of the picture, and pictures in separate files, have no name.
"""

NOTE = "http://ns.adobe.com/xmp/note/"
"""Namespace of ``HasExtendedXMP``, which names the further segments of a long packet in a JPEG file."""

GAIN_MAP = frozenset(
    {
        "http://ns.adobe.com/hdr-gain-map/1.0/",
        "http://ns.apple.com/HDRGainMap/1.0/",
        "http://ns.google.com/photos/1.0/container/",
    }
)
"""Namespaces that describe the gain map of a JPEG file."""

XAP = "http://ns.adobe.com/xap/1.0/"
COPIES = frozenset({(XAP, "Thumbnails"), (XAP, "PageInfo")})
LAYOUT = (b"Orientation", b"ImageWidth", b"ImageLength", b"PixelXDimension", b"PixelYDimension")


def cleaned_xmp(
    packet: bytes, *, size: tuple[int, int] | None = None, keep: Collection[str] = ()
) -> tuple[bytes | None, list[str]]:
    """Return a packet that says only what is true of the splash.

    Args:
        packet: the packet in UTF-8, as in files.
        size: height and width, where the pixels have been turned upright; the packet then gets orientation 1.
        keep: namespaces of pictures that the file keeps.

    Returns:
        the packet, byte for byte where nothing had to change, None where it cannot be read; and notes on the rest.
    """
    if not is_untrue(packet, keep) and (size is None or not any(name in packet for name in LAYOUT)):
        return packet, []
    if b"<!DOCTYPE" in packet or b"<!ENTITY" in packet:
        return None, ["XMP that cannot be read"]
    gone: dict[str, None] = {}
    try:
        with minidom.parseString(packet.strip(b"\0 \r\n\t")) as document:
            assert document.documentElement is not None  # minidom raises where there is none
            changed = _clean(document.documentElement, gone, keep)
            changed |= size is not None and _turn_upright(document, *size)
            text = document.toxml().partition("?>")[2] if changed else ""  # without the XML declaration
    except (ExpatError, ValueError, RecursionError):
        return None, ["XMP that cannot be read"]
    return (text.encode() if changed else packet), list(gone)


def is_untrue(packet: bytes, keep: Collection[str] = ()) -> bool:
    """Return whether a packet, or a part of one, may describe something that the splash lacks."""
    namespaces = {*UNTRUE, NOTE} - set(keep)
    return any(name.encode() in packet for name in (*namespaces, *(name for _, name in COPIES)))


def _clean(element: minidom.Element, gone: dict[str, None], keep: Collection[str]) -> bool:
    """Remove properties that are no longer true, wherever they are; return whether there were any."""
    changed = False
    for attribute in list((element.attributes or {}).values()):
        if _goes(attribute, gone, keep):
            element.removeAttributeNode(attribute)
            changed = True
    for child in list(element.childNodes):
        if not isinstance(child, minidom.Element):
            continue
        if _goes(child, gone, keep):
            element.removeChild(child)
            changed = True
        else:
            changed |= _clean(child, gone, keep)
    return changed


def _goes(node: minidom.Attr | minidom.Element, gone: dict[str, None], keep: Collection[str]) -> bool:
    namespace = node.namespaceURI or ""
    for beginning, name in UNTRUE.items():
        if namespace.startswith(beginning) and beginning not in keep:
            if name:
                gone[name] = None
            return True
    return (namespace, node.localName) in COPIES or (namespace == NOTE and NOTE not in keep)


def _turn_upright(document: minidom.Document, height: int, width: int) -> bool:
    """Set the orientation in the packet; return whether it has one."""
    values = {
        (TIFF, "Orientation"): "1",
        (TIFF, "ImageWidth"): str(width),
        (TIFF, "ImageLength"): str(height),
        (EXIF, "PixelXDimension"): str(width),
        (EXIF, "PixelYDimension"): str(height),
    }
    changed = False
    for (namespace, name), value in values.items():
        for element in document.getElementsByTagNameNS(RDF, "Description"):
            attribute = element.getAttributeNodeNS(namespace, name)
            if attribute is not None and attribute.value != value:
                attribute.value, changed = value, True
        for element in document.getElementsByTagNameNS(namespace, name):
            text = element.firstChild
            if text is not None and text.nodeType == minidom.Node.TEXT_NODE and text.data != value:
                text.data, changed = value, True
    return changed
