"""An answer of AWS's query protocol, which is XML, to be changed in place. Must not know any operation."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree

Element = ElementTree.Element


class QueryAnswer:
    """Finds and makes elements by their names, in the answer's own namespace."""

    def __init__(self, body: bytes) -> None:
        self._root = ElementTree.fromstring(body)
        space, brace, _ = self._root.tag.rpartition("}")
        self._space = space + brace
        if space:
            ElementTree.register_namespace("", space[1:])

    def list(self, name: str) -> Element:
        """The list of this name, wherever it is; its elements are its children."""
        found = self._root.find(f".//{self._space}{name}")
        if found is None:
            raise ValueError(f"no {name} in the emulator's answer")
        return found

    def child(self, parent: Element, name: str) -> Element | None:
        """The child of this name."""
        return parent.find(f"{self._space}{name}")

    def text(self, parent: Element, *path: str) -> str:
        """The text of the element at this path; empty if there is none."""
        return parent.findtext("/".join(self._space + name for name in path), "")

    def put(self, parent: Element, name: str, text: str | None = None) -> Element:
        """A new child."""
        made = ElementTree.SubElement(parent, self._space + name)
        made.text = text
        return made

    def remove(self, parent: Element, names: Iterable[str]) -> None:
        """Removes the children of these names."""
        for name in names:
            for element in parent.findall(self._space + name):
                parent.remove(element)

    def body(self) -> bytes:
        """The whole."""
        return ElementTree.tostring(self._root)
