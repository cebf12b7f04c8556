import Figures
import Foundation
import Tensors
import TestFixtures
import Testing

@testable import Annotations

private let good = """
  {"images": [{"id": 3, "width": 4, "height": 5, "file_name": "a.png"},
              {"id": 1, "width": 3, "height": 3}],
   "categories": [{"id": 9, "name": "cell"}, {"id": 2, "name": "debris"}],
   "annotations": [
     {"id": 1, "image_id": 3, "category_id": 9, "iscrowd": 0, "bbox": [1, 1, 2, 3], "area": 5.5,
      "segmentation": [[1, 1, 3, 1, 3, 4, 1, 4]]},
     {"id": 2, "image_id": 1, "category_id": 2, "iscrowd": 1,
      "segmentation": {"size": [3, 3], "counts": [4, 1, 4]}},
     {"id": 4, "image_id": 1, "category_id": 9, "bbox": [0, 0, 1, 1],
      "segmentation": {"size": [3, 3], "counts": "414"}}]}
  """

private func read(_ json: String) throws -> AnnotatedDataset {
  try AnnotatedDataset(json: Data(json.utf8), name: "truth.json")
}

/// The message about a text that is refused; empty if it is not.
private func fault(_ read: () throws -> some Any) -> String {
  do {
    _ = try read()
    return ""
  } catch { return "\(error)" }
}

@Suite struct COCOFileTests {
  @Test("polygons, run lengths in both forms, crowds, missing boxes and areas")
  func reading() throws {
    let dataset = try read(good)
    #expect(dataset.problems.isEmpty)
    #expect(dataset.classes.map(\.name) == ["cell", "debris"])
    #expect(dataset.images.map(\.id) == [3, 1] && dataset.images[0].file == "a.png")
    let first = dataset.images[0].objects[0]
    #expect(first.label == 9 && first.area == 5.5 && first.mask?.runs == [6, 3, 2, 3, 6])
    #expect(first.box == Box(1, 1, 3, 4) && !first.isCrowd)
    let (second, third) = (dataset.images[1].objects[0], dataset.images[1].objects[1])
    // Box and area of the mask where the file has none.
    #expect(second.isCrowd && second.area == 1 && second.box == Box(1, 1, 2, 2))
    #expect(third.mask == second.mask && third.box == Box(0, 0, 1, 1) && third.area == 1)
  }

  @Test("a data set that is written is read as it was")
  func roundTrip() throws {
    var dataset = try read(good)
    let again = try AnnotatedDataset(json: dataset.json(), name: "truth.json")
    #expect(again == dataset)
    dataset.images[0].objects[0].area = .nan
    #expect(fault { try dataset.json() }.contains("not finite"))
  }

  @Test(
    "one line for a file that cannot be read",
    arguments: [
      ("", "not JSON"), ("{", "not JSON"), ("[]", "the file is no object"), ("7", "no object"),
      (#"{"images": [], "annotations": []}"#, "the file has no categories"),
      (#"{"images": 7, "annotations": [], "categories": []}"#, "images is no list"),
      (#"{"images": [], "annotations": [], "categories": []}"#, "lists no images"),
      (
        #"{"images": [{"id": "x", "width": 1, "height": 1}], "annotations": [], "categories": []}"#,
        "images[0].id is no whole number"
      ),
      (
        #"{"images": [{"id": 1, "width": 1}], "annotations": [], "categories": []}"#,
        "images[0] has no height"
      ),
      (
        #"{"images": [{"id": 1, "width": 1, "height": 1}], "annotations": [], "categories": []}"#,
        "lists no categories"
      ),
      (
        #"{"images": [{"id": 1, "width": 1e999, "height": 1}], "annotations": [], "categories": []}"#,
        "truth.json"
      ),
      (String(repeating: "[", count: 100_000), "truth.json"),
      (#"{"images": "# + String(repeating: #"{"a":"#, count: 100_000), "truth.json"),
    ])
  func unreadable(_ json: String, _ words: String) {
    let message = fault { try read(json) }
    #expect(message.contains(words), "\(message)")
    #expect(message.hasPrefix("truth.json: ") && !message.contains("\n"), "\(message)")
  }

  @Test("one line for a file whose numbering or sizes cannot be used")
  func inconsistent() {
    func message(_ from: String, _ to: String) -> String {
      fault { try read(good.replacing(from, with: to)) }
    }
    #expect(
      message(#""id": 1, "width""#, #""id": 3, "width""#).contains("two images have the id 3"))
    #expect(message(#""id": 2, "name""#, #""id": 9, "name""#).contains("two categories"))
    #expect(message(#""width": 4"#, #""width": 0"#).contains("image 3 has a size of 0 x 5"))
    #expect(message(#""width": 4"#, #""width": 30001"#).contains("30001 x 5"))
    #expect(message(#""width": 4"#, #""width": 9223372036854775808"#).contains("out of range"))
    #expect(message("[[1, 1,", "[[null, 1,").contains("annotations[0].segmentation"))
  }

  @Test("what is wrong with single annotations is listed and leaves the others")
  func problems() throws {
    func check(
      _ from: String, _ to: String, _ words: String, left: Int = 3,
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let dataset = try read(good.replacing(from, with: to))
      let lines = dataset.problems.map { "\($0)" }
      #expect(
        lines.contains { $0.contains(words) }, "\(lines) lacks \(words)",
        sourceLocation: sourceLocation)
      #expect(
        lines.allSatisfy { $0.hasPrefix("truth.json") && !$0.contains("\n") },
        sourceLocation: sourceLocation)
      let count = dataset.images.reduce(0) { $0 + $1.objects.count }
      #expect(count == left, sourceLocation: sourceLocation)
    }
    try check(#""image_id": 3"#, #""image_id": 8"#, "no image has the id 8", left: 2)
    try check(#""category_id": 2"#, #""category_id": 5"#, "no category has the id 5", left: 2)
    try check(#""category_id": 2"#, #""category_id": 9"#, "no annotation is of the category 2")
    try check(#""id": 4,"#, #""id": 2,"#, "annotation 2: its id is used twice")
    try check(#""id": 4,"#, #""id": 0,"#, "the id 0")
    try check("[[1, 1, 3, 1, 3, 4, 1, 4]]", "[[1, 1, 3, 1]]", "no three corners")
    try check("[[1, 1, 3, 1, 3, 4, 1, 4]]", "[]", "its mask is empty")
    try check("[1, 1, 2, 3]", "[1, 1, 0, 3]", "annotation 1: its box is empty")
    try check("[1, 1, 2, 3]", "[4, 1, 2, 3]", "outside its image")
    try check("[1, 1, 2, 3]", "[1, 1, -2, 3]", "no x, y, width, height", left: 2)
    try check("[1, 1, 2, 3]", "[1, 1, 2]", "no x, y, width, height", left: 2)
    try check("[4, 1, 4]", "[4, 1, 3]", "add up to 8 pixels", left: 2)
    try check("[4, 1, 4]", "[4, 9223372036854775807, 9223372036854775807]", "run of", left: 2)
    try check(
      #""size": [3, 3], "counts": "414""#, #""size": [3, 9], "counts": "414""#, "[3, 9]", left: 2)
    try check(#""counts": "414""#, #""counts": "4\u00004""#, "compressed form", left: 2)
  }

  @Test("no change of single bytes traps, and every message is one line")
  func damaged() {
    var state: UInt64 = 7
    func next(_ limit: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % limit
    }
    let replacements = Array("0123456789-eE.[]{}\",:nt\u{0} ".utf8)
    for _ in 0..<3000 {
      var bytes = Array(good.utf8)
      for _ in 0...next(3) { bytes[next(bytes.count)] = replacements[next(replacements.count)] }
      do {
        let dataset = try AnnotatedDataset(json: Data(bytes), name: "truth.json")
        #expect(dataset.problems.allSatisfy { !"\($0)".contains("\n") })
      } catch {
        #expect(!"\(error)".contains("\n"))
      }
    }
  }
}

@Suite struct DetectionResultsTests {
  private func results(_ json: String) throws -> DetectionResults {
    try DetectionResults(json: Data(json.utf8), name: "found.json", for: read(good))
  }

  @Test("a mask gives a missing box and the area, a box gives both where there is one")
  func reading() throws {
    let found = try results(
      """
      [{"image_id": 1, "category_id": 9, "score": 0.5, "bbox": [0, 0, 2, 2.5],
        "segmentation": {"size": [3, 3], "counts": "414"}},
       {"image_id": 1, "category_id": 9, "score": 1e-3,
        "segmentation": {"size": [3, 3], "counts": "414"}},
       {"image_id": 3, "category_id": 2, "score": 1, "bbox": [1, 1, 2, 3]},
       {"image_id": 3, "category_id": 77, "score": 1, "bbox": [1, 1, 2, 3]}]
      """)
    #expect(found.haveMasks && found.objects[1]?.map(\.area) == [5, 1])
    #expect(found.objects[1]?[1].bounds == COCOBox(x: 1, y: 1, width: 1, height: 1))
    #expect(found.objects[3]?.map(\.mask?.runs) == [[6, 3, 2, 3, 6]])
    #expect(found.problems.count == 1 && "\(found.problems)".contains("the id 77"))
    let again = try DetectionResults(json: found.json(), name: "found.json", for: read(good))
    #expect(again.objects[1]?.map(\.bounds) == found.objects[1]?.map(\.bounds))
    #expect(again.objects[1]?.map(\.mask) == found.objects[1]?.map(\.mask))
    #expect(try results("[]").objects.isEmpty)
  }

  @Test(
    "one line for results that do not fit the data set",
    arguments: [
      ("{}", "the file is no list"),
      (#"[{"image_id": 1, "category_id": 9, "bbox": [0, 0, 1, 1]}]"#, "[0] has no score"),
      (#"[{"image_id": 6, "category_id": 9, "score": 1}]"#, "no image with the id 6"),
      (#"[{"image_id": 1, "category_id": 9, "score": 1}]"#, "neither bbox nor segmentation"),
      (#"[{"image_id": 1, "category_id": 9, "score": 1, "bbox": [1, 2, -1, 3]}]"#, "bbox"),
      (#"[{"image_id": 1, "category_id": 9, "score": 1, "bbox": [1, 2, 1e300, 3]}]"#, "bbox"),
      (#"[{"image_id": 1, "category_id": 9, "score": NaN, "bbox": [1, 2, 1, 3]}]"#, "not JSON"),
      (
        #"[{"image_id": 1, "category_id": 9, "score": 1, "segmentation": {"size": [5, 4], "counts": "d0"}}]"#,
        "[5, 4], while its image has [3, 3]"
      ),
    ])
  func refused(_ json: String, _ words: String) {
    let message = fault { try results(json) }
    #expect(message.hasPrefix("found.json") && message.contains(words), "\(message)")
    #expect(!message.contains("\n"))
  }
}

@Suite struct LabelMapFolderTests {
  @Test("label maps with images of the same names; what is missing is listed")
  func folder() throws {
    try withTemporaryFolder { folder in
      let files = FileManager.default
      for part in ["images", "labels"] {
        try files.createDirectory(
          at: folder.appending(path: part), withIntermediateDirectories: true)
      }
      #expect(fault { try AnnotatedDataset(labelMaps: folder) }.contains("no label map"))
      func write(_ labels: [UInt16], _ name: String) throws {
        try Data(PNG.encode(labels: labels, width: 3, height: 2)).write(
          to: folder.appending(path: name))
      }
      try write([0, 0, 0, 0, 0, 0], "labels/b.png")
      try write([0, 5, 5, 0, 0, 900], "labels/a.png")
      try write([0, 1, 0, 0, 0, 0], "labels/lost.png")
      for name in ["a.png", "b.jpg", "c.png"] {
        try Data().write(to: folder.appending(path: "images/\(name)"))
      }
      let dataset = try AnnotatedDataset(labelMaps: folder, className: "cell")
      #expect(dataset.images.map(\.file) == ["images/a.png", "images/b.jpg"])
      #expect(dataset.images[0].objects.map(\.area) == [2, 1])
      #expect(dataset.images[0].objects[0].box == Box(1, 0, 3, 1))
      #expect(dataset.classes == [AnnotatedClass(id: 1, name: "cell")])
      let problems = dataset.problems.map(\.subject)
      #expect(problems == ["b.png", "lost.png", "c.png"])
    }
  }
}
