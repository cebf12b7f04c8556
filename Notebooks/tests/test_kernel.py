"""The kernel, from outside: cells go in, messages come out."""

import base64


def test_the_package_can_be_imported_in_the_first_cell(notebook):
    result = notebook.run("import MaskRCNN\nprint(Tensor([2, 2], repeating: 1).shape)")
    assert result.error == ""
    assert result.stdout == "[2, 2]\n"


def test_later_cells_have_what_earlier_ones_declared(notebook):
    notebook.run(
        "import MaskRCNN\nvar t = Tensor([2], [1, 2])\nfunc twice(_ x: Float) -> Float { 2 * x }"
    )
    notebook.run("struct Pair { var a: Int }\nt.values[0] = 5")
    result = notebook.run("print(t.values, twice(3), Pair(a: 1).a)")
    assert result.stdout == "[5.0, 2.0] 6.0 1\n"


def test_the_later_of_two_declarations_counts(notebook):
    notebook.run("let x = 1")
    notebook.run('let x = "two"')
    notebook.run("let other = x + x")
    assert notebook.run("other").stdout == "twotwo\n"


def test_a_name_of_the_package_can_be_declared_again(notebook):
    notebook.run("import MaskRCNN\nlet sigmoid = 3")
    assert notebook.run("sigmoid + 1").stdout == "4\n"


def test_a_cell_that_is_run_again_replaces_what_it_declared(notebook):
    notebook.run("extension Int { var tripled: Int { 3 * self } }", cell="a")
    assert notebook.run("2.tripled", cell="b").stdout == "6\n"
    notebook.run("extension Int { var tripled: Int { 30 * self } }", cell="a")
    result = notebook.run("2.tripled", cell="b")
    assert (result.error, result.stdout) == ("", "60\n")


def test_a_last_expression_is_shown(notebook):
    assert notebook.run("let a = [1, 2]\na\n  .map { $0 * 2 } // doubled").stdout == "[2, 4]\n"
    assert notebook.run('print("once")').stdout == "once\n"
    assert notebook.run("let b = 1").stdout == ""
    assert (
        notebook.run("import MaskRCNN\nTensor([1, 2], [3, 4])").stdout
        == "[1, 2], 3 … 4, mean 3.5\n"
    )


def test_a_compile_error_is_at_its_line_of_the_cell(notebook):
    notebook.run("let a = 1")
    result = notebook.run("let b = 2\nlet c: String = a + b\nprint(c)")
    assert result.status == "error"
    assert "In[2], line 2" in result.error
    assert "let c: String = a + b" in result.error
    assert "/tmp" not in result.error and "main.swift" not in result.error
    # Nothing is lost, and nothing of the cell remains.
    assert notebook.run("print(a)").stdout == "1\n"
    assert "cannot find 'b' in scope" in notebook.run("print(b)").error


def test_an_error_in_a_last_expression_is_at_its_place(notebook):
    result = notebook.run("let a = 1\n  missing + a")
    assert "In[1], line 2: cannot find 'missing' in scope" in result.error.replace("\x1b[0m", "")
    mark = result.error.replace("\x1b[1;31m", "").replace("\x1b[0m", "").split("\n")
    assert mark[-1].index("^") == mark[-2].index("missing")


def test_a_thrown_error_keeps_the_state(notebook):
    notebook.run("import MaskRCNN\nimport Foundation\nlet a = 1")
    result = notebook.run('let image = try readImage(URL(filePath: "/no/such.png"))')
    assert result.status == "error"
    assert "/no/such.png" in result.error
    assert notebook.run("print(a)").stdout == "1\n"


def test_a_trap_ends_only_the_swift_process(notebook):
    notebook.run("let a = [1, 2]")
    notebook.run("print(a)")
    result = notebook.run("let i = 5\nprint(a[i])")
    assert result.status == "error"
    assert "Index out of range" in result.error
    assert "run them again: In[1]." in result.error
    assert "cannot find 'a' in scope" in notebook.run("print(a)").error
    notebook.run("let a = [3]")
    assert notebook.run("print(a)").stdout == "[3]\n"


def test_a_trap_inside_the_package_says_where(notebook):
    notebook.run("import MaskRCNN")
    result = notebook.run("let t = Tensor([2], [1])")
    assert "Tensor.swift" in result.error
    assert "In[2], line 1" in result.error


def test_an_interrupt_ends_the_running_cell(notebook):
    notebook.run("let a = 1")
    request = notebook.start('print("begins")\nwhile true {}')
    notebook.wait(request, until=lambda message: message["msg_type"] == "stream")
    notebook.manager.interrupt_kernel()
    result = notebook.wait(request)
    assert result.status == "error"
    assert "Interrupted" in result.error and "run them again: In[1]." in result.error
    assert notebook.run("print(2)").stdout == "2\n"


def test_what_a_cell_prints_appears_while_it_runs(notebook):
    request = notebook.start('import Foundation\nprint("now")\nwhile true { sleep(1) }')
    result = notebook.wait(request, until=lambda m: "\n" in m["content"].get("text", ""))
    assert result.stdout == "now\n"
    notebook.manager.interrupt_kernel()
    notebook.wait(request)


def test_figures_are_shown_between_what_is_printed(notebook):
    result = notebook.run(
        'import MaskRCNN\nprint("before")\ndisplay(Tensor([2, 2], [1, 2, 3, 4]))\nprint("after")'
    )
    assert result.order == ["stdout", "shown", "stdout"]
    png = base64.b64decode(result.shown[0]["image/png"])
    assert png.startswith(b"\x89PNG\r\n\x1a\n")


def test_a_figure_as_the_last_expression_is_shown(notebook):
    result = notebook.run('import MaskRCNN\nFigure("Title") { Heatmap(Tensor([1, 1], [1]), "h") }')
    assert result.shown[0]["text/plain"] == "Title"


def test_a_table_is_shown_as_html_and_as_text(notebook):
    result = notebook.run('table(["a", "b"], [["x < y", "1"]])')
    assert '<td style="text-align: left">x &lt; y</td>' in result.shown[0]["text/html"]
    assert result.shown[0]["text/plain"] == "a  b\nx < y  1"


def test_a_check_that_fails_makes_the_cell_fail_at_its_line(notebook):
    result = notebook.run('let a = 1\ncheck(a, equals: 2)\nprint("to the end")')
    assert result.status == "error"
    assert "In[1], line 2" in result.error and "the value is 1, the text says 2" in result.error
    assert result.stdout == "to the end\n"
    # The cell has run: others may use what it declared.
    assert notebook.run("print(a)").stdout == "1\n"
    assert notebook.run("check(Float(0.5), equals: 0.52, within: 0.01)").status == "error"
    assert notebook.run("check(Float(0.5), equals: 0.51, within: 0.02)").status == "ok"


def test_the_bundled_files_are_found(notebook):
    result = notebook.run(
        'import MaskRCNN\nprint(try readImage(fixture("images/nuclei.png")).width)'
    )
    assert result.stdout == "512\n"


def test_names_are_completed(notebook):
    notebook.run("import MaskRCNN\nlet tensor = Tensor([1], [1])")
    assert notebook.complete("tensor.resh") == ["reshaped"]
    assert "roiAlign" in notebook.complete("roiAl")


def test_a_name_is_explained(notebook):
    notebook.run("import MaskRCNN")
    text = notebook.explain("roiAlign")
    assert text.startswith("func roiAlign(") and "bilinear interpolation" in text
