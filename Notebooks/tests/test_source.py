"""What is read from a cell's text."""

import pytest

from swiftkernel import source


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("let a = 1\na + 1", "let a = 1\nshow(a + 1\n)"),
        ("f(\n 1,\n 2)", "show(f(\n 1,\n 2)\n)"),
        ("a\n  .map { $0 }\n  .count // n", "show(a\n  .map { $0 }\n  .count // n\n)"),
        ("a ??\n  b", "show(a ??\n  b\n)"),
        ("x <= 3", "show(x <= 3\n)"),
        ("f { x in\n  x = 3\n}", "show(f { x in\n  x = 3\n}\n)"),
        ('"a \\(b("= c")) // d"', 'show("a \\(b("= c")) // d"\n)'),
        ('let s = """\na = 1\n"""\ns', 'let s = """\na = 1\n"""\nshow(s\n)'),
    ],
)
def test_a_last_expression_is_found(code, shown):
    assert source.showing_last_expression(code) == shown


@pytest.mark.parametrize(
    "code",
    [
        "let x = [1,\n2]",
        "let y = a\n  .b()",
        "x = 3",
        "a.b += 1",
        "for i in 0..<3 {\n  print(i)\n}",
        "if a {\n} else {\n}",
        "struct A {\n  var x: Int\n}",
        "@MainActor func f() {}",
        "// only a comment",
        "",
    ],
)
def test_a_statement_is_no_expression(code):
    assert source.showing_last_expression(code) is None


def test_names_are_those_of_the_top_level():
    code = """
let (a, b) = pair()
var c: Int = 3  // let d = 4
func f() {
  let inner = 1
}
public struct S { let field: Int }
actor A {}
let text = "let notThis = 1"
"""
    found = [(name.kind, name.name) for name in source.declared(code)]
    assert found == [
        ("let", "a"),
        ("let", "b"),
        ("var", "c"),
        ("func", "f"),
        ("struct", "S"),
        ("class", "A"),
        ("let", "text"),
    ]


def test_imports_are_repeated_as_they_are():
    code = "import MaskRCNN\n@testable import Other\n// import Not\nlet a = 1"
    assert source.imports(code) == ["import MaskRCNN", "@testable import Other"]
