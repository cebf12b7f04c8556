"""Feature maps, cell by cell: what is read off the page are the tensors' numbers."""

import numpy
import pytest


def data(page):
    """What the readout holds as data."""
    return page.evaluate("({...document.querySelector('#maps .readout').dataset})")


def choose(page, name, channel=0):
    """Shows a map and a channel of it."""
    page.locator("#maps select").nth(0).select_option(name)
    page.wait_for_function(
        "name => document.querySelector('#maps .readout').dataset.map === name", arg=name)
    page.locator("#maps select").nth(1).select_option(str(channel))
    page.wait_for_timeout(50)


def hover(page, share_x, share_y):
    """Puts the mouse at a part of the map's width and height."""
    canvas = page.locator("#maps canvas").nth(0)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    left, bottom = 48, 35
    page.mouse.move(
        box["x"] + left + share_x * (box["width"] - left - 1),
        box["y"] + share_y * (box["height"] - bottom))


def expected(trace, array):
    """The tensor that one of the page's arrays was made of."""
    name, channel = array.split("/")
    if name.startswith("objectness"):
        return trace.tensor("2-anchors", name)[0, int(channel)]
    features = trace.tensor("1-backbone", name)[0].astype(numpy.float64)
    return features.mean(axis=0) if channel == "mean" else features[int(channel)]


@pytest.mark.parametrize("name", [
    "C2", "C3", "C4", "C5", "P2", "P3", "P4", "P5", "P6", "objectness P2", "objectness P6"])
def test_values_are_the_tensors(page, trace, name):
    count = page.evaluate(
        "name => JSON.parse(document.getElementById('manifest').textContent)"
        ".exhibits.maps.maps.find(map => map.name === name).channels.length", name)
    for channel in range(count):
        choose(page, name, channel)
        for share in [(0.01, 0.02), (0.4, 0.7), (0.99, 0.98)]:
            hover(page, *share)
            shown = data(page)
            tensor = expected(trace, shown["array"])
            row, column = int(shown["row"]), int(shown["column"])
            assert row == int(share[1] * tensor.shape[0])
            assert column == int(share[0] * tensor.shape[1])
            exact = name in ("P2", "P3", "P4", "P5") and not shown["array"].endswith("mean")
            # Maps that are only looked at have 8 bits of fraction, and 16-bit floats end at 6e-8.
            tolerance = dict(rel=0, abs=0) if exact else dict(rel=2 ** -9 * 1.01, abs=1e-6)
            assert float(shown["value"]) == pytest.approx(tensor[row, column], **tolerance)


def test_the_words_say_what_the_data_say(page):
    choose(page, "P3")
    hover(page, 0.253, 0.503)
    shown = data(page)
    words = page.locator("#maps .readout").inner_text().replace("−", "-")
    row, column = int(shown["row"]), int(shown["column"])
    assert (row, column) == (64, 32)
    assert f"row {row}, column {column}" in words
    # The image was enlarged twofold: 8 input pixels are 4 of its own.
    assert f"image pixels x {4 * column} to {4 * column + 4}, y {4 * row} to {4 * row + 4}" in words
    page.get_by_label("Coordinates in input pixels").check()
    words = page.locator("#maps .readout").inner_text()
    assert f"input pixels x {8 * column} to {8 * column + 8}, y {8 * row} to {8 * row + 8}" in words
    words = words.replace("−", "-")
    value = float(words.split("Activation ")[1].split("\n")[0].rstrip("."))
    assert value == pytest.approx(float(shown["value"]), rel=1e-3)


def test_arrow_keys_move_by_a_cell(page):
    choose(page, "P4")
    hover(page, 0.5, 0.5)
    page.mouse.move(0, 0)
    page.locator("#maps canvas").nth(0).focus()
    start = data(page)
    row, column = int(start["row"]), int(start["column"])
    for key, change in [
            ("ArrowRight", (0, 1)), ("ArrowDown", (1, 0)), ("ArrowLeft", (0, -1)),
            ("ArrowUp", (-1, 0)), ("Shift+ArrowDown", (10, 0))]:
        page.keyboard.press(key)
        row, column = row + change[0], column + change[1]
        assert (int(data(page)["row"]), int(data(page)["column"])) == (row, column)
    for _ in range(80):
        page.keyboard.press("Shift+ArrowLeft")
    assert data(page)["column"] == "0"


def test_a_held_cell_stays_at_its_place_on_every_level(page):
    choose(page, "P2")
    hover(page, 0.3, 0.6)
    page.mouse.down()
    page.mouse.up()
    held = data(page)
    hover(page, 0.8, 0.1)
    assert data(page)["column"] == held["column"]
    choose(page, "C5")
    assert int(data(page)["column"]) == int(held["column"]) // 8
    assert int(data(page)["row"]) == int(held["row"]) // 8


def test_the_image_moves_the_cell_too(page):
    choose(page, "P6")
    canvas = page.locator("#maps canvas").nth(1)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] - 3, box["y"] + 3)
    assert (data(page)["row"], data(page)["column"]) == ("0", "15")


def test_touch(open_page):
    page = open_page(width=360, has_touch=True)
    canvas = page.locator("#maps canvas").nth(0)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] - 4, box["y"] + 4)
    # A cell of 256 is about a pixel wide here.
    assert int(data(page)["row"]) < 8 and int(data(page)["column"]) > 247


def test_a_finger_that_scrolls_leaves_the_cell(open_page):
    page = open_page(width=360, has_touch=True, is_mobile=True)
    canvas = page.locator("#maps canvas").nth(0)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    before, scrolled = data(page), page.evaluate("scrollY")
    session = page.context.new_cdp_session(page)
    x, y = box["x"] + box["width"] - 20, box["y"] + box["height"] / 2
    for kind, down in [("touchStart", 0), ("touchMove", -30), ("touchMove", -60),
                       ("touchMove", -120), ("touchEnd", None)]:
        session.send("Input.dispatchTouchEvent", {
            "type": kind, "touchPoints": [] if down is None else [{"x": x, "y": y + down}]})
    page.wait_for_timeout(200)
    assert page.evaluate("scrollY") > scrolled
    assert data(page) == before


def test_receptive_field_of_the_trunk(page):
    """ResNet-18's: the sum of all kernels' reaches, each in the pixels of its layer."""
    # 7 and 3 wide at strides 2 and 4, then two blocks of two 3 x 3 convolutions per layer, the first
    # of which (but for layer 1) still moves on the finer grid of the layer before.
    side = 7 + 2 * 2
    sides = {}
    for level, name in enumerate(["C2", "C3", "C4", "C5"]):
        stride = 4 * 2 ** level
        side += 2 * (4 * stride if level == 0 else stride // 2 + 3 * stride)
        sides[name] = side
    assert sides["C5"] == 435
    for name, side in sides.items():
        choose(page, name)
        hover(page, 0.5, 0.5)
        shown = data(page)
        x1, y1, x2, y2 = (int(edge) for edge in shown["field"].split(","))
        assert (x2 - x1, y2 - y1) == (side, side)
        stride = 4 * 2 ** int(name[1]) // 4
        assert (x1 + x2 - 1) / 2 == int(shown["column"]) * stride


def test_receptive_field_of_the_pyramid(page):
    """M5 of the cells beside it, then their C5 cells; P6 is every second cell of P5."""
    for name, cells in {"P5": [-1, 1], "P4": [-1, 1], "P6": [-1, 1]}.items():
        choose(page, name)
        hover(page, 0.5, 0.5)
        shown = data(page)
        column = int(shown["column"]) * (2 if name == "P6" else 1)
        first, last = column + cells[0], column + cells[1]
        if name == "P4":
            first, last = first // 2, last // 2
        x1, _, x2, _ = (int(edge) for edge in shown["field"].split(","))
        assert (x1, x2) == (first * 32 - 217, last * 32 + 218)


def test_the_field_is_told_on_request(page):
    readout = page.locator("#maps .readout")
    assert "depend" not in readout.inner_text()
    page.get_by_label("Outline the receptive field").check()
    assert "It can depend on" in readout.inner_text()


def test_no_probability_is_rounded_up_to_1(page, trace):
    logits = trace.tensor("2-anchors", "objectness.P4")[0]
    channel, row, column = numpy.unravel_index(logits.argmax(), logits.shape)
    choose(page, "objectness P4", channel)
    hover(page, (column + 0.5) / logits.shape[2], (row + 0.5) / logits.shape[1])
    assert (data(page)["row"], data(page)["column"]) == (str(row), str(column))
    probability = 1 / (1 + numpy.exp(-float(logits.max())))
    assert probability > 0.9995, "else it would not be rounded to 1"
    shown = float(page.locator("#maps .readout").inner_text().split("probability ")[1].split("\n")[0]
                  .rstrip("."))
    assert probability - 1e-3 < shown < 1
