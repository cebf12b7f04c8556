import Figures
import Foundation
import Tensors
import TestFixtures
import Testing

@testable import Annotations

@Suite struct ImageAnnotationsTests {
  private func fault(_ bytes: [UInt8], image: String = "a.png", id: Int? = nil) throws -> String {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "truth")
      try Data(bytes).write(to: file)
      do {
        let found = try ImageAnnotations(contentsOf: file, image: image, id: id)
        try found.image.check(width: 3, height: 2)
        return ""
      } catch {
        #expect("\(error)".contains("truth") && !"\(error)".contains("\n"))
        return "\(error)"
      }
    }
  }

  /// Three images of 3 x 2 pixels, the last without a name.
  private let json = """
    {"images": [{"id": 4, "file_name": "train/a.png", "width": 3, "height": 2},
    {"id": 7, "file_name": "train/b.png", "width": 3, "height": 2},
    {"id": 9, "width": 3, "height": 2}],
    "categories": [{"id": 1, "name": "disc"}, {"id": 2, "name": "bar"}],
    "annotations": [{"id": 1, "image_id": 7, "category_id": 2, "bbox": [0, 0, 2, 1],
    "segmentation": [[0, 0, 2, 0, 2, 1, 0, 1]]}]}
    """

  @Test("a label map of another size, of colours, or no truth at all is refused in a line")
  func badFiles() throws {
    #expect(try fault(PNG.encode(labels: [0, 1, 1, 0, 0, 900], width: 3, height: 2)) == "")
    let other = PNG.encode(labels: [0, 1], width: 2, height: 1)
    #expect(try fault(other).contains("2 x 1 image pixels"))
    #expect(try fault([]).contains("empty"))
    #expect(try fault([1, 2, 3]).contains("neither a PNG file nor COCO's JSON"))
    #expect(try fault(Array("{".utf8)).contains("not JSON"))
    let colours = PNG.encode(Raster(width: 3, height: 2))
    #expect(try fault(colours).contains("Give labels as a grey PNG"))
  }

  @Test("a label map's objects are numbered by ascending label and have class 1; none is in order")
  func labelMap() throws {
    let bytes = PNG.encode(labels: [0, 9, 9, 3, 0, 900], width: 3, height: 2)
    let found = try ImageAnnotations(labelMap: bytes, name: "labels.png")
    #expect(found.classes.isEmpty && found.problems.isEmpty)
    #expect(found.image.objects.map(\.id) == [1, 2, 3])
    #expect(found.image.objects.map(\.label) == [1, 1, 1])
    #expect(
      found.image.objects.map(\.box) == [Box(0, 1, 1, 2), Box(1, 0, 3, 1), Box(2, 1, 3, 2)])
    let blank = PNG.encode(labels: [0, 0], width: 2, height: 1)
    let nothing = try ImageAnnotations(labelMap: blank, name: "labels.png")
    #expect(nothing.image.objects.isEmpty && nothing.problems.count == 1)
  }

  @Test("an image of COCO's file by its id, its name, the number that this is, or as the only one")
  func chosen() throws {
    let dataset = try AnnotatedDataset(json: Data(json.utf8), name: "truth.json")
    func id(_ name: String, _ id: Int? = nil) -> Int? {
      try? dataset.image(named: name, id: id).id
    }
    #expect(id("a.png", 7) == 7)
    #expect(id("elsewhere/b.png") == 7)
    #expect(id("000009.jpg") == 9)
    #expect(id("c.png") == nil)
    #expect(try fault(Array(json.utf8), id: 5).contains("no image has the id 5"))
    #expect(try fault(Array(json.utf8), id: 5).contains("--image-id: 4, 7, 9"))
    #expect(
      try fault(Array(json.utf8), image: "c.png").contains("3 images, 0 of them called c.png"))
    var one = dataset
    one.images = [dataset.images[1]]
    #expect(try one.image(named: "c.png", id: nil).id == 7)
  }
}
