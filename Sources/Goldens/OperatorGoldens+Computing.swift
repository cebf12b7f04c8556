import Annotations
import Kernels
import Model
import Stage0Input
import Stage2Anchors
import Stage3Proposals
import Stage4RoI
import Stage6Masks
import Tensors
import Tracing

// What the operations' golden cases run: each function reads a case's inputs and gives what this
// package computes for each of its outputs.

extension OperatorGoldens {
  static func finish(_ golden: GoldenCase) throws -> Finish {
    Finish(shift: golden.has("bias") ? try golden.input("bias").tensor.values : nil)
  }

  static func activations(_ golden: GoldenCase) throws -> [String: NumericArray] {
    let input = try golden.input("input").tensor
    let output =
      golden.name.hasPrefix("softmax")
      ? softmax(
        input.reshaped([
          input.count / (input.shape.extents.last ?? 1), input.shape.extents.last ?? 1,
        ])
      )
      .reshaped(input.shape)
      : sigmoid(input)
    return ["output": NumericArray(output)]
  }

  static func anchors(_ golden: GoldenCase) throws -> [String: NumericArray] {
    let base = baseAnchors(
      size: try golden.number("size"), aspectRatios: try golden.numbers("aspectRatios"))
    guard golden.hasOutput("anchors") else {
      return ["baseAnchors": NumericArray(Tensor(boxes: base))]
    }
    let (rows, columns) = (try golden.integer("gridHeight"), try golden.integer("gridWidth"))
    let strides = [
      try golden.integer("paddedHeight") / rows, try golden.integer("paddedWidth") / columns,
    ]
    let grid = gridAnchors(
      base: base, rows: rows, columns: columns, rowStride: strides[0], columnStride: strides[1])
    return [
      "anchors": NumericArray(Tensor(boxes: grid)),
      "strides": NumericArray([2], integers: strides),
    ]
  }

  static func keep(_ golden: GoldenCase, groups: [Int]?) throws -> NumericArray {
    let kept = keptByNonMaximumSuppression(
      try golden.input("boxes").tensor.boxes, scores: try golden.input("scores").tensor.values,
      groups: groups, threshold: try golden.double("threshold"))
    return NumericArray([kept.count], integers: kept)
  }

  static func boxCoding(_ golden: GoldenCase) throws -> [String: NumericArray] {
    let weights = try golden.numbers("weights")
    let coder = BoxCoder(weights: (weights[0], weights[1], weights[2], weights[3]))
    let references = try golden.input("boxes").tensor.boxes
    guard golden.has("deltas") else {
      let targets = try golden.input("targets").tensor.boxes
      let deltas = zip(targets, references).flatMap { target, reference in
        let deltas = coder.encode(target, reference: reference)
        return [deltas.dx, deltas.dy, deltas.dw, deltas.dh]
      }
      return ["deltas": NumericArray(Tensor([references.count, 4], deltas))]
    }
    let deltas = try golden.input("deltas").tensor
    let classes = deltas.count / (4 * max(1, references.count))
    let boxes = references.enumerated().flatMap { index, reference in
      (0..<classes).map { label in
        let first = 4 * (index * classes + label)
        return coder.decode(
          deltas.values[first], deltas.values[first + 1], deltas.values[first + 2],
          deltas.values[first + 3], reference: reference)
      }
    }
    let shape = try golden.output("decoded").shape
    return ["decoded": NumericArray(Tensor(boxes: boxes).reshaped(shape))]
  }

  static func boxLimits(_ golden: GoldenCase) throws -> [String: NumericArray] {
    let boxes = try golden.input("boxes").tensor.boxes
    guard golden.hasOutput("keep") else {
      let (width, height) = (try golden.number("width"), try golden.number("height"))
      return [
        "clipped": NumericArray(
          Tensor(boxes: boxes.map { $0.clipped(width: width, height: height) }))
      ]
    }
    let least = try golden.number("minimumSize")
    let kept = boxes.indices.filter { boxes[$0].isAtLeast(least) }
    return ["keep": NumericArray([kept.count], integers: kept)]
  }

  static func batchNorm(_ golden: GoldenCase) throws -> [String: NumericArray] {
    let input = try golden.input("input").tensor
    let norm = BatchNorm(
      weight: try golden.input("weight").tensor, bias: try golden.input("bias").tensor,
      mean: try golden.input("mean").tensor, variance: try golden.input("variance").tensor,
      epsilon: try golden.number("epsilon"))
    let channels = input.shape[1]
    // A 1x1 convolution by the identity leaves what its norm does.
    var identity = Tensor([channels, channels, 1, 1], repeating: 0)
    for channel in 0..<channels { identity[channel, channel, 0, 0] = 1 }
    let layer = Convolution(weight: identity, norm: norm)
    return ["output": NumericArray(layer(input, rectified: false))]
  }

  static func paste(_ golden: GoldenCase) throws -> [String: NumericArray] {
    let (width, height) = (try golden.integer("width"), try golden.integer("height"))
    let masks = try golden.input("masks").tensor
    let side = masks.shape.extents.last ?? 0
    let boxes = try golden.input("boxes").tensor.boxes
    var whole = Tensor([boxes.count, height, width], repeating: 0)  // [D, H, W]
    for (index, box) in boxes.enumerated() {
      let mask = masks.reshaped([boxes.count, side, side]).slice(index)
      let pasted = pasteMask(mask, box: box, width: width, height: height)
      let window = pasted.window
      for (position, value) in pasted.probabilities.enumerated() {
        let (row, column) = position.quotientAndRemainder(dividingBy: window.width)
        whole[index, window.y1 + row, window.x1 + column] = value
      }
    }
    return ["pasted": NumericArray(whole.reshaped(try golden.output("pasted").shape))]
  }

  static func resizeSizes(_ golden: GoldenCase) throws -> [String: NumericArray] {
    let rule = ModelSettings.Resize.sides(
      shorter: try golden.integer("minimumSize"), longer: try golden.integer("maximumSize"))
    let sizes = try golden.input("sizes")
    let values = sizes.integers ?? []
    let resized = stride(from: 0, to: values.count, by: 2).flatMap { index in
      let size = rule.size(for: ImageSize(height: values[index], width: values[index + 1]))
      return [size.height, size.width]
    }
    return ["resized": NumericArray(sizes.shape, integers: resized)]
  }

  static func pooled(
    _ golden: GoldenCase, _ operation: (GoldenCase) throws -> RoIOperator
  ) throws -> [String: NumericArray] {
    let features = try golden.input("features").tensor
    let map = features.shape.rank == 4 ? features.slice(0) : features
    let output = try operation(golden)(
      map, boxes: try golden.input("boxes").tensor.boxes,
      spatialScale: try golden.number("spatialScale"),
      bins: BinGrid(
        rows: try golden.integer("outputHeight"), columns: try golden.integer("outputWidth")))
    return ["pooled": NumericArray(output)]
  }

  private static func encoded(_ golden: GoldenCase) throws -> RunLengthEncoding {
    let (width, height) = (try golden.integer("width"), try golden.integer("height"))
    let pixels = (try golden.input("mask").integers ?? []).map { $0 != 0 }
    return RunLengthEncoding(
      pixels, in: Window(0, 0, width, height), width: width, height: height)
  }

  static func runLengths(_ golden: GoldenCase) throws -> [String: NumericArray] {
    let runs = try encoded(golden).runs
    return ["runs": NumericArray([runs.count], integers: runs)]
  }

  /// The text form of a mask's runs, as bytes, so that it is compared like a tensor.
  static func runText(_ golden: GoldenCase) throws -> GoldenResult {
    func bytes(_ text: String) -> NumericArray {
      NumericArray([text.utf8.count], .uint8(Array(text.utf8)))
    }
    return GoldenResult(
      suite: "operators/rle", name: golden.name, tensor: "counts",
      finding: .init(
        bytes(try golden.expectedText("counts")), bytes(try encoded(golden).counts)),
      tolerance: .exact)
  }
}
