"""The page as a whole: one file that opens from disk, the same every time, usable by all."""

import re
import shutil

import pytest

from conftest import ROOT, Folder, maskrcnn

SECTIONS = [
    "0-input", "1-backbone", "2-anchors", "3-proposals", "4-roi", "5-heads", "6-masks", "7-targets",
    "8-losses", "9-gradients",
]  # fmt: skip


def test_opens_from_disk_with_a_section_per_stage(page):
    # The fixture fails on an error in the console and on a request for anything elsewhere.
    assert [s.get_attribute("id") for s in page.locator("main > section").all()] == SECTIONS


def test_nothing_in_it_leads_elsewhere(trace, tmp_path):
    other, third = (shutil.copytree(trace.path, tmp_path / name) for name in ("other", "third"))
    maskrcnn("masks", "--trace", other, "--threshold", "0.7", "--no-page")
    maskrcnn("page", "--trace", third, "--against", other)
    for text in (trace.index.read_text(), (third / "index.html").read_text()):
        assert not re.search(r'(src|href)="(https?:)?//', text)
        for path in (trace.path.parent, tmp_path, ROOT):
            assert str(path) not in text, "the page holds a path of this machine"


def test_size(trace):
    assert trace.index.stat().st_size <= 5_000_000


def test_the_same_trace_gives_the_same_bytes(trace):
    first = trace.index.read_bytes()
    maskrcnn("page", "--trace", trace.path)
    assert trace.index.read_bytes() == first


def test_the_main_command_leaves_the_page(trace, tmp_path):
    folder = Folder(tmp_path / "trace")
    assert f"Open {folder.index}" in maskrcnn("--trace", folder.path, "--no-figures")
    assert folder.index.exists()
    without = Folder(tmp_path / "without")
    assert "index.html" not in maskrcnn("--trace", without.path, "--no-figures", "--no-page")
    assert not without.index.exists()


def test_a_partial_trace_gets_a_page_of_what_it_has(open_page, tmp_path):
    folder = Folder(tmp_path / "trace")
    maskrcnn("input", "Fixtures/images/coins.png", "--trace", folder.path)
    maskrcnn("backbone", "--trace", folder.path)
    page = open_page(folder.index)
    assert [s.get_attribute("id") for s in page.locator("main > section").all()] == SECTIONS[:2]
    assert page.locator("#maps .readout").inner_text().startswith("P2")


def test_a_trace_that_kept_only_small_tensors_gets_a_page(open_page, tmp_path):
    folder = Folder(tmp_path / "trace")
    maskrcnn("--trace", folder.path, "--tensors", "none")
    page = open_page(folder.index)
    assert page.locator("main > section").count() == len(SECTIONS)
    maps = page.locator("#maps select").first.inner_text()
    assert "P6: 16 × 16" in maps and "P2" not in maps


def test_a_damaged_trace_is_refused(trace, tmp_path):
    copy = shutil.copytree(trace.path, tmp_path / "copy")
    with open(copy / "0-input/tensors/sizes.npy", "ab") as file:
        file.write(b"x")
    (copy / "index.html").unlink()
    maskrcnn("page", "--trace", copy, code=1)
    assert not (copy / "index.html").exists()


@pytest.mark.parametrize("width", [320, 360, 800, 1100, 1920])
def test_no_sideways_scrolling(open_page, width):
    page = open_page(width=width)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width, page.evaluate(
        "width => [...document.querySelectorAll('body *')]"
        ".filter(e => e.getBoundingClientRect().right > width && !e.closest('.scroller, .unseen'))"
        ".map(e => e.outerHTML.slice(0, 80)).slice(0, 5)", width)


def test_controls_are_labelled(page):
    for control in page.locator("input, select, button, canvas[tabindex]").all():
        # Only a button is named by its own text: that of a select are its options.
        named = control.evaluate(
            "e => e.ariaLabel || [...e.labels ?? []].map(l => l.textContent).join('').trim()"
            " || (e.matches('button') ? e.textContent.trim() : '')")
        assert named, control.evaluate("e => e.outerHTML")


def test_controls_are_reached_by_tab(page):
    focusable = (
        "a[href], button:not([disabled]), input:not([disabled]), select, summary, "
        "[tabindex='0']")
    # Of radio buttons with one name Tab reaches one, as it should; hidden controls none.
    count = page.evaluate(
        """selector => {
          const all = [...document.querySelectorAll(selector)].filter((e) => e.checkVisibility());
          all.forEach((element, index) => { element.dataset.place = index; });
          return all.filter((e) => e.type !== 'radio' || e.checked).length;
        }""", focusable)
    reached = set()
    for _ in range(count + 5):
        page.keyboard.press("Tab")
        place = page.evaluate("document.activeElement.dataset.place ?? null")
        if place is not None:
            reached.add(place)
    assert len(reached) >= count


def test_focus_is_seen(page):
    for selector in ["nav.contents a", "#maps select", "#maps canvas[tabindex]"]:
        element = page.locator(selector).first
        page.keyboard.press("Tab")  # The ring is for those who use the keyboard.
        element.focus()
        assert element.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"


def test_images_have_words(page):
    assert page.locator("img").count() > 20
    assert page.locator("img:not([alt]), img[alt='']").count() == 0


def test_contents_follow_the_reader(page):
    page.evaluate("document.getElementById('4-roi').scrollIntoView({behavior: 'instant'})")
    page.wait_for_selector("nav.contents a[href='#4-roi'][aria-current]")
    assert page.locator("nav.contents a[aria-current]").count() == 1


def test_contents_name_the_exhibits_of_the_stage(page):
    page.evaluate("document.getElementById('4-roi').scrollIntoView({behavior: 'instant'})")
    page.wait_for_selector("nav.contents a[href='#4-roi'][aria-current]")
    section = page.locator("#\\34 -roi [data-exhibit]")
    names = [each.get_attribute("id") for each in section.all()]
    assert len(names) > 1
    parts = page.locator("nav.contents .parts a")
    assert [each.get_attribute("href") for each in parts.all()] == [f"#{name}" for name in names]
    parts.nth(1).click()
    page.wait_for_function(
        "name => Math.abs(document.getElementById(name).getBoundingClientRect().top - 90) < 60",
        arg=names[1])


def test_contents_stay_in_reach_on_a_phone(open_page):
    page = open_page(width=390, height=800, has_touch=True, is_mobile=True)
    page.evaluate("document.getElementById('6-masks').scrollIntoView({behavior: 'instant'})")
    current = page.locator("nav.contents a[aria-current]")
    page.wait_for_selector("nav.contents a[href='#6-masks'][aria-current]")
    bounds = current.bounding_box()
    assert 0 <= bounds["y"] < 60 and 0 <= bounds["x"] < 390
    assert page.locator("nav.contents").bounding_box()["height"] < 60


def test_commands_repeat_the_options(trace, tmp_path, open_page):
    copy = Folder(shutil.copytree(trace.path, tmp_path / "my trace"))
    maskrcnn("roi", "--trace", copy.path, "--operator", "warp", "--sampling-ratio", "3")
    before = copy.tensor("4-roi", "features")
    page = open_page(copy.index)
    command = page.locator("[id='4-roi'] .margin dd > code.command").inner_text()
    assert command == (
        "swift run -c release roi --trace 'my trace' --operator warp --sampling-ratio 3 "
        "--reduction average")
    words = command.removeprefix("swift run -c release ").replace("'my trace'", "@").split()
    maskrcnn(*[str(copy.path) if word == "@" else word for word in words])
    assert (copy.tensor("4-roi", "features") == before).all()


def test_what_came_in_is_named_with_its_shape(page):
    assert "features 1000 × 64 × 7 × 7, from 4-roi" in page.locator(
        "[id='5-heads'] .margin").inner_text()
    assert page.locator("[id='3-proposals'] .margin").inner_text().count("from 2-anchors") == 3


def test_colours_follow_the_system(open_page):
    def brightness(scheme):
        page = open_page(scheme=scheme)
        return page.evaluate(
            "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]")

    assert brightness("light") > 200 > 60 > brightness("dark")


def test_paper_is_light_and_has_no_controls(open_page):
    page = open_page(scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator(".controls").first.is_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_paper_has_dark_labels(open_page):
    """Words on canvases follow the paper, whatever the screen's colours are."""
    page = open_page(scheme="dark")

    # Looked at within the event, as the printer does: a resized canvas is drawn again, but later.
    page.evaluate("""() => {
      const canvas = document.querySelector('#downstream canvas');
      globalThis.brightest = () => {
        const height = Math.round(20 * devicePixelRatio);
        const copy = new OffscreenCanvas(canvas.width, height);
        const context = copy.getContext('2d', {willReadFrequently: true});
        context.drawImage(canvas, 0, height - canvas.height);
        const {data} = context.getImageData(0, 0, canvas.width, height);
        let most = 0;
        for (let at = 0; at < data.length; at += 4) {
          if (data[at + 3] > 200) most = Math.max(most, data[at], data[at + 1], data[at + 2]);
        }
        return most;
      };
      matchMedia('print').addEventListener('change', () => {
        canvas.dataset.brightest = brightest();
      });
    }""")

    assert page.evaluate("brightest()") > 140
    for media, least, most in (("print", 1, 110), ("screen", 140, 255)):
        page.emulate_media(media=media, color_scheme="dark")
        page.wait_for_selector("#downstream canvas[data-brightest]")
        found = page.evaluate("""() => {
          const {dataset} = document.querySelector('#downstream canvas');
          const found = Number(dataset.brightest);
          delete dataset.brightest;
          return found;
        }""")
        assert least <= found <= most, media


@pytest.mark.parametrize("place", ["#microscope", "#6-masks"])
def test_a_link_into_the_page_ends_where_it_says(open_page, place):
    """The exhibits make the page longer after the browser has gone to the link's target."""
    page = open_page(place=place, unfold=False)
    target = page.locator(f"[id='{place[1:]}']")  # After # no digit may stand first.
    top = target.evaluate("(element) => element.getBoundingClientRect().top")
    assert 0 <= top <= 200


def test_paper_has_what_waits_below_the_fold(page):
    """What is first drawn when it comes into view is printed although nobody scrolled to it."""
    is_drawn = page.evaluate("""() => {
      const waiting = [...document.querySelectorAll('#masks [role=option] canvas')].at(-1);
      const isDrawn = () => {
        const middle = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
        middle.drawImage(waiting, -waiting.width / 2, -waiting.height / 2);
        return middle.getImageData(0, 0, 1, 1).data[3] === 255;
      };
      addEventListener('afterprint', () => {
        document.body.dataset.isDrawn = isDrawn();
      });
      return isDrawn();
    }""")
    assert not is_drawn, "it does not wait, so that printing it shows nothing"
    page.pdf()
    assert page.locator("body").get_attribute("data-is-drawn") == "true"


def test_canvases_are_drawn_in_the_size_that_they_have_on_paper(page):
    """Letters on them would otherwise shrink with the image."""
    page.evaluate("""() => {
      matchMedia('print').addEventListener('change', ({matches}) => {
        const other = [...document.querySelectorAll('canvas')].filter((canvas) => (
          Math.abs(canvas.width / devicePixelRatio - canvas.clientWidth) > 1));
        if (matches) document.body.dataset.other = other.length;
      });
    }""")
    page.pdf()
    assert page.locator("body").get_attribute("data-other") == "0"


def test_without_webassembly_every_exhibit_says_what_is_missing(browser, trace):
    page = browser.new_page()
    page.add_init_script("delete globalThis.WebAssembly")
    page.goto(trace.index.as_uri())
    page.wait_for_selector("html[data-ready=true]", state="attached")
    texts = page.locator("[data-exhibit] .bench").all_text_contents()
    assert len(texts) == page.locator("[data-exhibit]").count() >= 7
    for text in texts:
        assert "does not run WebAssembly" in text
    assert page.locator("main > section").count() == len(SECTIONS), "the rest of the page is there"
    page.close()
