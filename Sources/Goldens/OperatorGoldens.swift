import Foundation
import Kernels
import Model
import Stage0Input
import Stage2Anchors
import Stage3Proposals
import Stage4RoI
import Stage6Masks
import Tensors
import Tracing

/// The operations that have golden cases, each with what computes them here.
public enum OperatorGoldens {
  /// One operation: its folder of cases, its tolerance, what computes its outputs.
  struct Operation: Sendable {
    let tolerance: Tolerance
    let compute: @Sendable (GoldenCase) throws -> [String: NumericArray]

    init(
      _ tolerance: Tolerance,
      _ compute: @escaping @Sendable (GoldenCase) throws -> [String: NumericArray]
    ) {
      self.tolerance = tolerance
      self.compute = compute
    }
  }

  private static let sums = Tolerance(
    1e-5, "sums of up to some thousand products in another order than the reference's")
  private static let interpolation = Tolerance(
    1e-5, "interpolation weights in 32 bits, some fused into one rounding and some not")

  static let operations: [String: Operation] = [
    "activations": Operation(
      Tolerance(1e-6, "exp of two mathematical libraries, one unit in the last place apart"),
      activations),
    "anchors": Operation(.exact, anchors),
    "batched_nms": Operation(.exact) { golden in
      ["keep": try keep(golden, groups: golden.input("classes").integers)]
    },
    "box_coding": Operation(
      Tolerance(1e-6, "exp and log of two mathematical libraries"), boxCoding),
    "box_limits": Operation(.exact, boxLimits),
    "conv2d": Operation(sums) { golden in
      let output = convolution(
        try golden.input("input").tensor, weight: PackedWeight(try golden.input("weight").tensor),
        finish: try finish(golden), stride: try golden.integer("stride"),
        padding: try golden.integer("padding"), groups: try golden.integer("groups"))
      return ["output": NumericArray(output)]
    },
    "conv_transpose2d": Operation(sums) { golden in
      let output = transposedConvolution(
        try golden.input("input").tensor, weight: PackedWeight(try golden.input("weight").tensor),
        finish: try finish(golden))
      return ["output": NumericArray(output)]
    },
    "frozen_batch_norm": Operation(
      Tolerance(1e-6, "scale and shift multiplied out once, each rounded to 32 bits"), batchNorm),
    "linear": Operation(sums) { golden in
      let output = linear(
        try golden.input("input").tensor, weight: PackedWeight(try golden.input("weight").tensor),
        finish: try finish(golden))
      return ["output": NumericArray(output)]
    },
    "max_pool": Operation(.exact) { golden in
      let output = maxPool(
        try golden.input("input").tensor, kernel: try golden.integer("kernel"),
        stride: try golden.integer("stride"), padding: try golden.integer("padding"))
      return ["output": NumericArray(output)]
    },
    "nms": Operation(.exact) { ["keep": try keep($0, groups: nil)] },
    "paste": Operation(interpolation, paste),
    "resize_bilinear": Operation(interpolation) { golden in
      let image = try golden.input("image").tensor
      let resized = resizeBilinear(
        image.reshaped([image.count / plane(image)] + lastTwo(image)),
        rows: try golden.integer("height"), columns: try golden.integer("width"))
      return ["resized": NumericArray(resized.reshaped(try golden.output("resized").shape))]
    },
    "resize_nearest": Operation(.exact) { golden in
      let image = try golden.input("image").tensor
      let resized = resizeNearest(
        image.reshaped([1, image.count / plane(image)] + lastTwo(image)),
        rows: try golden.integer("height"), columns: try golden.integer("width"))
      return ["resized": NumericArray(resized.reshaped(try golden.output("resized").shape))]
    },
    "resize_sizes": Operation(.exact, resizeSizes),
    "roi_align": Operation(interpolation) { golden in
      try pooled(golden) {
        .align(
          samplingRatio: max(0, try $0.integer("samplingRatio")), aligned: try $0.flag("aligned"),
          maximum: false)
      }
    },
    "roi_align_max": Operation(interpolation) { golden in
      try pooled(golden) {
        .align(
          samplingRatio: max(0, try $0.integer("samplingRatio")), aligned: try $0.flag("aligned"),
          maximum: true)
      }
    },
    "roi_levels": Operation(.exact) { golden in
      let among = try golden.integer("firstLevel")...golden.integer("lastLevel")
      let levels = try golden.input("boxes").tensor.boxes.map { pyramidLevel(of: $0, among: among) }
      return ["levels": NumericArray([levels.count], integers: levels)]
    },
    "roi_pool": Operation(.exact) { try pooled($0) { _ in .pool } },
    "roi_warp": Operation(interpolation) { golden in
      try pooled(golden) {
        .warp(samplingRatio: max(0, try $0.integer("samplingRatio")), maximum: false)
      }
    },
    "rle": Operation(.exact, runLengths),
  ]

  /// Holds every recorded case of every operation against the reference.
  ///
  /// - Parameter folder: `Fixtures/golden/operators`
  /// - Throws: `Fault` if a case is damaged, or a folder has no operation here
  public static func check(in folder: URL) throws -> [GoldenResult] {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    return try names.filter { !$0.hasPrefix(".") }.flatMap { name in
      try check(name, in: folder.appending(path: name))
    }
  }

  private static func check(_ name: String, in folder: URL) throws -> [GoldenResult] {
    guard let operation = operations[name] ?? gradients[name] ?? learning[name] else {
      throw Fault(folder.path, "no operation has this name", remedy: "Remove the folder")
    }
    return try GoldenCase.all(in: folder).flatMap { golden in
      try results(
        of: golden, suite: "operators/\(name)", operation.compute(golden),
        tolerance: operation.tolerance) + (name == "rle" ? [try runText(golden)] : [])
    }
  }

  /// Compares what an operation computed with every output of the reference: one that the operation
  /// does not return fails, as does one that the reference does not have.
  static func results(
    of golden: GoldenCase, suite: String, _ computed: [String: NumericArray], tolerance: Tolerance
  ) throws -> [GoldenResult] {
    let extra = computed.keys.filter { !golden.hasOutput($0) }.sorted()
    return try (golden.outputNames + extra).map { output in
      let finding: TensorComparison.Finding =
        if !golden.hasOutput(output) {
          .onlySecond
        } else if let array = computed[output] {
          .init(try golden.output(output), array)
        } else {
          .onlyFirst
        }
      return GoldenResult(
        suite: suite, name: golden.name, tensor: output, finding: finding, tolerance: tolerance)
    }
  }

  private static func plane(_ image: Tensor) -> Int {
    lastTwo(image).reduce(1, *)
  }

  private static func lastTwo(_ image: Tensor) -> [Int] { Array(image.shape.extents.suffix(2)) }
}

extension Shape {
  fileprivate static func + (_ first: Shape, _ rest: [Int]) -> Shape { Shape(first.extents + rest) }
}
