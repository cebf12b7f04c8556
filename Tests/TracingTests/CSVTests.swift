import Testing
import Tracing

@Suite struct CSVTests {
  @Test("quotation marks are doubled, also under a combining character")
  func quotes() {
    #expect(quotedCSV("nucleus, bright") == "\"nucleus, bright\"")
    #expect(quotedCSV("a \"b\"") == "\"a \"\"b\"\"\"")
    let marked = quotedCSV("\"\u{301}").unicodeScalars.map(\.value)
    #expect(marked == [0x22, 0x22, 0x22, 0x301, 0x22])
  }
}
