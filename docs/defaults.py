"""Each parameter's own default in the reference.

Where a docstring explains several parameters at once (``random_state, device : as in CVDD``),
griffe shows the default of the first for all.
"""

from __future__ import annotations

from typing import Any

import griffe


class OwnDefaults(griffe.Extension):
    """Takes defaults from the signature, or the fields of a dataclass, name by name."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Mend every docstring of the package."""
        self._mend(pkg)

    def _mend(self, node: Any) -> None:
        for member in node.members.values():
            if member.is_alias:  # documented where it is defined
                continue
            if (member.is_class or member.is_function) and member.docstring:
                self._mend_docstring(member)
            if member.is_class or member.is_module:
                self._mend(member)

    def _mend_docstring(self, node: Any) -> None:
        defaults = {name: m.value for name, m in node.members.items() if m.is_attribute}
        defaults |= {parameter.name: parameter.default for parameter in node.parameters}
        for section in node.docstring.parsed:
            if section.kind is griffe.DocstringSectionKind.parameters:
                for parameter in section.value:
                    parameter.value = defaults.get(parameter.name, parameter.value)
