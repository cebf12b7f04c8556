import Annotations
import Model
import Stage0Input
import Tensors
import Testing

@testable import Stage7Targets

@Suite struct MaskWindowTests {
  @Test("targets of masks that are windows have the bits of those of whole masks, at every border")
  func sameBits() {
    let size = ImageSize(height: 23, width: 31)
    var noise = SeededGenerator(seed: 5)
    let masks = (0..<6).map { number -> Tensor in
      // Blobs that touch each border, one pixel, and nothing.
      var mask = Tensor([size.height, size.width], repeating: 0)
      let (x, y) = (noise.uniform() * 31, noise.uniform() * 23)
      let radius = number == 0 ? 0 : Float(number) * 2.5
      for index in mask.values.indices {
        let (dx, dy) = (Float(index % 31) - x, Float(index / 31) - y)
        if dx * dx + dy * dy < radius * radius, noise.uniform() < 0.9 { mask.values[index] = 1 }
      }
      if number == 1 { mask.values[30] = 1 }
      return mask
    }
    let boxes = (0..<300).map { _ -> Box in
      let (x, y) = (noise.uniform() * 44 - 8, noise.uniform() * 34 - 8)
      return Box(x, y, x + 30 * noise.uniform(), y + 20 * noise.uniform())
    }
    let truths = boxes.indices.map { $0 % masks.count }
    let whole = Tensor(
      [masks.count, size.height, size.width], masks.flatMap(\.values))
    let windows = masks.map { MaskRegion($0) }
    #expect(windows.contains { $0.window.width == 0 })
    for side in [3, 28] {
      let expected = maskTargets(whole, boxes: boxes, truths: truths, side: side)
      let found = maskTargets(windows, in: size, boxes: boxes, truths: truths, side: side)
      #expect(found == expected)
      #expect(found.values.contains { $0 > 0 && $0 < 1 })
    }
  }
}

@Suite struct AnnotatedTruthTests {
  private func object(
    _ id: Int, _ bounds: COCOBox, mask: [Bool]? = nil, label: Int = 1
  ) -> TruthObject {
    TruthObject(
      id: id, label: label, bounds: bounds,
      mask: mask.map { RunLengthEncoding($0, in: Window(0, 0, 6, 4), width: 6, height: 4) },
      area: bounds.area)
  }

  private func image(_ objects: [TruthObject]) -> AnnotatedImage {
    AnnotatedImage(id: 1, file: "truth.json", width: 6, height: 4, objects: objects)
  }

  private let sizes = InputSizes(
    original: ImageSize(height: 4, width: 6), resized: ImageSize(height: 6, width: 9),
    padded: ImageSize(height: 32, width: 32))

  @Test("masks are resized inside their window as the whole mask is")
  func resized() throws {
    // Two pixels, one of them in the last column.
    let mask = (0..<24).map { [8, 17].contains($0) }
    let truth = try ImageTruth(
      image([object(1, COCOBox(x: 2, y: 1, width: 4, height: 2), mask: mask)]), sizes: sizes)
    #expect(truth.boxes == [Box(3, 1.5, 9, 4.5)])
    #expect(truth.size == sizes.resized)
    // Rows 0 … 5 take 0 0 1 2 2 3, columns 0 … 8 take 0 0 1 2 2 3 4 4 5.
    #expect(truth.masks[0].window == Window(3, 2, 9, 5))
    let t = true
    let f = false
    #expect(
      truth.masks[0].isInside == [
        t, t, f, f, f, f,
        f, f, f, f, f, t,
        f, f, f, f, f, t,
      ])
  }

  @Test("an object that cannot be learned from is refused in a line that names it")
  func faults() {
    let filled = [Bool](repeating: true, count: 24)
    func problem(_ object: TruthObject) -> String {
      do throws(Fault) {
        _ = try ImageTruth(image([object]), sizes: sizes)
        return ""
      } catch {
        #expect(error.subject == "truth.json" && !error.description.contains("\n"))
        return error.problem
      }
    }
    let box = COCOBox(x: 0, y: 0, width: 6, height: 4)
    #expect(problem(object(3, box, mask: filled)) == "")
    #expect(problem(object(3, box)) == "annotation 3 has a box and no mask")
    #expect(
      problem(object(3, box, mask: filled.map { _ in false })) == "annotation 3 has an empty mask")
    #expect(
      problem(object(3, COCOBox(x: 1, y: 1, width: 0, height: 2), mask: filled))
        == "annotation 3 has a box of 0.0 x 2.0 image pixels")
    #expect(
      problem(object(3, COCOBox(x: 6, y: 1, width: 2, height: 2), mask: filled))
        == "annotation 3 has a box outside the image of 6 x 4 image pixels")
  }

  @Test("classes by category ids, by number, or all by one that is named")
  func classes() throws {
    var settings = ModelSettings()
    settings.classNames = ["background", "disc", "bar"]
    let box = COCOBox(x: 0, y: 0, width: 6, height: 4)
    let known = [AnnotatedClass(id: 1, name: "disc"), AnnotatedClass(id: 90, name: "ring")]
    func labels(
      _ categories: [Int], _ classes: [AnnotatedClass], _ label: Int? = nil
    ) throws -> [Int] {
      let objects = categories.map { object(5, box, label: $0) }
      return try ImageAnnotations(image(objects), classes: classes)
        .labelled(by: settings, label: label).objects.map(\.label)
    }
    #expect(try labels([1, 1], known) == [1, 1])
    #expect(try labels([1], []) == [1])
    #expect(try labels([1, 90], known, 2) == [2, 2])
    #expect {
      try labels([1, 90], known)
    } throws: {
      "\($0)".contains("annotation 5 has the category 90, ring, which is no class of the model")
    }
    settings.categoryIDs = [0, 90, 1]
    #expect(try labels([90, 1], known) == [1, 2])
    #expect(try settings.label("bar") == 2)
    #expect(try settings.label("1") == 1)
    for word in ["0", "3", "-1", "ring", "background"] {
      #expect(throws: Fault.self) { try settings.label(word) }
    }
  }
}
