import Testing

@testable import Tracing

@Suite struct EscapingTests {
  @Test("quotation marks are doubled, also under a combining character")
  func quotes() {
    #expect(quotedCSV("nucleus, bright") == "\"nucleus, bright\"")
    #expect(quotedCSV("a \"b\"") == "\"a \"\"b\"\"\"")
    let marked = quotedCSV("\"\u{301}").unicodeScalars.map(\.value)
    #expect(marked == [0x22, 0x22, 0x22, 0x301, 0x22])
  }

  /// Scalars that Swift joins with the one before or after them to one character.
  private let clusters = ["\u{600}", "\u{301}", "\u{200d}", "\u{fe0f}", "\u{110bd}"]

  @Test("markup is escaped beside characters that join with it")
  func html() {
    for odd in clusters {
      for (mark, escaped) in [
        ("<", "&lt;"), (">", "&gt;"), ("&", "&amp;"), ("\"", "&quot;"), ("'", "&#39;"),
      ] {
        let found = (odd + mark + odd).escapedHTML.unicodeScalars
        #expect(found.elementsEqual((odd + escaped + odd).unicodeScalars), "\(mark)")
      }
      #expect(
        (odd + "</script>").jsonInHTML.unicodeScalars.elementsEqual(
          (odd + "\\u003c/script>").unicodeScalars))
    }
  }

  @Test("a word for a shell keeps its quotes closed")
  func shell() {
    #expect(quoted("a/b-1.png") == "a/b-1.png" && quoted("") == "''" && quoted("a b") == "'a b'")
    #expect(quoted("it's") == "'it'\\''s'")
    for odd in clusters {
      let found = quoted("'" + odd + "; rm x").unicodeScalars
      #expect(found.elementsEqual(("''\\''" + odd + "; rm x'").unicodeScalars))
    }
    #expect(quoted("$(x)") == "'$(x)'" && quoted("`x`") == "'`x`'" && quoted("a\nb") == "'a\nb'")
  }

  @Test("a path stays inside its folder")
  func paths() {
    for path in ["a.npy", "tensors/a.npy", "a..b", "...", "a/./b"] {
      #expect(staysInside(path), "\(path)")
    }
    for path in ["/a", "..", "../a", "a/../../b", "a/..", "../\u{301}x.npy", "/\u{301}a", "a\0b"] {
      #expect(!staysInside(path), "\(path)")
    }
  }
}
