import Ablations
import Annotations
import Foundation
import Mustache
import Figures
import Stage0Input
import Tensors
import Tracing

/// A trace as one page to read: an HTML file that needs nothing beside it.
public struct TracePage {
  private let source: PageSource
  private let other: Trace?

  /// Prepares the page of a trace.
  ///
  /// - Parameters:
  ///   - other: a second trace that the page holds the first against
  ///   - downstream: what the RoI operators cost, if it was computed
  ///   - truth: the objects that `downstream` was compared with
  public init(
    _ trace: Trace, against other: Trace? = nil, downstream: Downstream? = nil,
    truth: [MaskRegion]? = nil
  ) {
    source = PageSource(trace: trace, downstream: downstream, truth: truth)
    self.other = other
  }

  /// Writes `index.html` into the trace's folder.
  ///
  /// - Returns: the file.
  /// - Throws: `Fault` if the trace is damaged or the file cannot be written.
  public func write() throws -> URL {
    let file = source.trace.folder.appending(path: "index.html")
    try writeWhole(Array(html().utf8), to: file)
    return file
  }

  /// The page. The same trace gives the same page, byte by byte.
  ///
  /// - Throws: `Fault` if the trace is damaged.
  public func html() throws -> String {
    let stale = try source.trace.staleStages()
    var data = PageData()
    var gathered: [(exhibit: Exhibit, json: String)] = []
    for exhibit in Exhibit.all where source.trace.has(exhibit.stage) {
      guard let content = try exhibit.gather(source, &data) else { continue }
      gathered.append((exhibit, try json(content)))
    }
    let sections = try source.trace.stages.map { name in
      try sectionContext(
        try source.trace.stage(name), of: source.trace, stale: stale.first { $0.stage == name },
        exhibits: gathered.map(\.exhibit).filter { $0.stage == name && !$0.isOpening },
        prose: try source.prose(name), question: try source.question(name))
    }
    var scripts = [
      "contents", "page", "numbers", "current", "draw", "heatmap", "controls", "units",
    ].map { "shared/\($0)" }
    if !gathered.isEmpty {
      let module = try PageFiles.bytes("network/network.wasm")
      data.add("network", bytes: module, shape: [module.count])
      scripts.append("network/network")
    }
    for exhibit in gathered.map(\.exhibit) {
      scripts += (exhibit.uses + ["\(exhibit.name)/\(exhibit.name)"]).filter {
        !scripts.contains($0)
      }
    }
    scripts.append("shared/start")
    let comparison = try other.map { try PageComparison(source.trace, against: $0).html() }
    let exhibits = gathered.map(\.exhibit).filter { !$0.isOpening }.map {
      ["name": $0.name, "title": $0.title]
    }
    let overview = gathered.map(\.exhibit).filter(\.isOpening).map {
      ["name": $0.name, "title": $0.title, "lead": $0.lead]
    }
    let context: [String: Any] = [
      "title": source.trace.image?.lastPathComponent ?? "a trace",
      "headline": try source.headline(), "description": try source.description(),
      "strip": try source.strip(),
      "weights": source.trace.weights.map { [$0.lastPathComponent] } ?? [],
      "note": source.trace.record.note.map { [$0.text] } ?? [],
      "version": Trace.version,
      "facts": try source.facts(),
      "command": source.command(),
      "commandTitle": source.trace.record.note?.mistake == nil
        ? "Run again, with default options" : "Run again, with the mistake",
      "overview": overview,
      "opening": try overview.isEmpty ? source.opening().map { [$0] } ?? [] : [],
      "exhibits": exhibits,
      "hasExhibits": !exhibits.isEmpty,
      "style": try PageFiles.style(
        (comparison == nil ? [] : ["comparison"]) + gathered.map(\.exhibit.name)),
      "comparison": comparison ?? "",
      "hasComparison": comparison != nil,
      "sections": sections,
      "manifest": try manifest(gathered),
      "arrays": data.packed(),
      "scripts": try scripts.map { ["name": $0, "text": try PageFiles.text("\($0).js")] },
    ]
    return try PageFiles.template("page.mustache").render(context)
  }

  /// What the scripts know of the trace, as JSON that can be embedded in HTML.
  private func manifest(_ gathered: [(exhibit: Exhibit, json: String)]) throws -> String {
    let sizes = try source.knownSizes()
    let fields: [(String, String)] = [
      ("colours", try json(PageColours())),
      ("sizes", try json(sizes.map(PageSizes.init))),
      ("image", try json(source.imageURL())),
      ("objects", try json(source.objects())),
      (
        "exhibits",
        "{" + gathered.map { "\"\($0.exhibit.name)\":\($0.json)" }.joined(separator: ",") + "}"
      ),
    ]
    return "{" + fields.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",\n") + "}"
  }
}

/// HTML whose text is escaped by `escapedHTML`.
private struct ScalarHTML: MustacheContentType {
  static let name = "SCALAR_HTML"

  func escapeText(_ text: String) -> String { text.escapedHTML }
}

/// JSON without `<`, so that it can be embedded in HTML.
private func json(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  encoder.nonConformingFloatEncodingStrategy = .convertToString(
    positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
  return String(decoding: try encoder.encode(value), as: UTF8.self)
    .jsonInHTML
}

/// The colour maps of every heatmap, so that the page paints as the images do.
private struct PageColours: Encodable {
  var sequential = ColourMap.sequential.colours.map { [$0.red, $0.green, $0.blue] }
  var diverging = ColourMap.diverging.colours.map { [$0.red, $0.green, $0.blue] }
}

/// Widths and heights: of the image as decoded, resized, padded.
private struct PageSizes: Encodable {
  var original: [Int]
  var resized: [Int]
  var padded: [Int]

  init(_ sizes: InputSizes) {
    original = [sizes.original.width, sizes.original.height]
    resized = [sizes.resized.width, sizes.resized.height]
    padded = [sizes.padded.width, sizes.padded.height]
  }
}

extension PageSource {
  /// The image as a data URL; nil where the trace has none.
  fileprivate func imageURL() throws -> String? {
    guard trace.has("0-input") else { return nil }
    let raster = Raster(try trace.stage("0-input").imageAsDecoded())
    let share = min(1, Double(longestSide) / Double(max(raster.width, raster.height)))
    let shown =
      share < 1
      ? raster.resized(
        width: max(1, Int(Double(raster.width) * share)),
        height: max(1, Int(Double(raster.height) * share))) : raster
    return "data:image/jpeg;base64,"
      + Data(JPEG.encode(shown, quality: 88)).base64EncodedString()
  }

  /// Pixels along the longer side of the image in the page.
  private var longestSide: Int { 1024 }
}

/// The page's template, style and scripts.
enum PageFiles {
  /// The page's style, and after it that of every exhibit that has one (`Page/NAME/NAME.css`).
  static func style(_ exhibits: [String]) throws -> String {
    let own = exhibits.map { "\($0)/\($0).css" }.filter {
      FileManager.default.fileExists(atPath: url($0).path)
    }
    return try (["page.css"] + own).map(text).joined(separator: "\n")
  }

  /// The text of one of them.
  ///
  /// - Throws: `Fault` if the file is not where the package was built.
  static func text(_ name: String) throws -> String {
    String(decoding: try bytes(name), as: UTF8.self)
  }

  /// The bytes of one of them.
  ///
  /// - Throws: `Fault` if the file is not where the package was built.
  static func bytes(_ name: String) throws -> [UInt8] { try readBytes(of: url(name)) }

  /// A template that escapes what is put into it by Unicode scalars; the library's own escaping
  /// compares characters, and misses a `<` behind U+0600.
  static func template(_ name: String) throws -> MustacheTemplate {
    MustacheContentTypes.register(ScalarHTML(), named: ScalarHTML.name)
    return try MustacheTemplate(
      string: "{{% CONTENT_TYPE: \(ScalarHTML.name)}}" + text(name))
  }

  /// Where a file is: beside the executable, where the build puts it, or in the package's
  /// source.
  private static func url(_ name: String) -> URL {
    let built = Bundle.main.bundleURL.appending(path: "MaskRCNN_TracePage.resources/Page/\(name)")
    if FileManager.default.fileExists(atPath: built.path) { return built }
    return URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Page/\(name)")
  }
}
