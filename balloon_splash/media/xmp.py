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
"""Beginnings of the namespaces whose properties speak of further pictures, and what a note calls these.

Ultra HDR (developer.android.com), ISO 21496-1, Apple's gain maps, Google's containers, cameras (motion photos),
depth maps and dynamic depth. Nothing is said of copies of the picture, and of what comes with a file of its own.
"""

NOTE = "http://ns.adobe.com/xmp/note/"
"""Of ``HasExtendedXMP``, which names the further segments of a JPEG file that a long packet goes on in."""

GAIN_MAP = frozenset(
    {
        "http://ns.adobe.com/hdr-gain-map/1.0/",
        "http://ns.apple.com/HDRGainMap/1.0/",
        "http://ns.google.com/photos/1.0/container/",
    }
)
"""Namespaces that speak of the gain map of a JPEG file."""

XAP = "http://ns.adobe.com/xap/1.0/"
COPIES = frozenset({(XAP, "Thumbnails"), (XAP, "PageInfo")})
LAYOUT = (b"Orientation", b"ImageWidth", b"ImageLength", b"PixelXDimension", b"PixelYDimension")


def cleaned_xmp(
    packet: bytes, *, size: tuple[int, int] | None = None, keep: Collection[str] = ()
) -> tuple[bytes | None, list[str]]:
    """A packet that says only what is true of the splash.

    Args:
        packet: UTF-8, as files hold it.
        size: height and width, where the pixels have been turned upright: the packet says orientation 1 then.
        keep: namespaces of what the file still has.

    Returns:
        the packet, byte for byte where nothing had to change, None where it cannot be read; what went, for notes.
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
    """Whether a packet, or a part of one, may speak of what the splash has not."""
    namespaces = {*UNTRUE, NOTE} - set(keep)
    return any(name.encode() in packet for name in (*namespaces, *(name for _, name in COPIES)))


def _clean(element: minidom.Element, gone: dict[str, None], keep: Collection[str]) -> bool:
    """Take out the properties that are not true any more, wherever they are; whether there were any."""
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
    """Change what the packet says about how the pixels lie; whether it says anything."""
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
