import Kernels
import Tensors
import Tracing

// What the golden cases of the gradients run. In each case, `outputGradient` is the gradient of the
// operation's output, and the outputs are the gradients of its inputs.

extension OperatorGoldens {
  private static let sums = Tolerance(
    1e-5, "sums of up to some thousand products in another order than the reference's")
  private static let fewSums = Tolerance(
    1e-6, "sums of a few gradients, in 32 bits where the reference has 64")

  /// The gradients that have golden cases.
  static let gradients: [String: Operation] = [
    "batch_norm_gradient": Operation(
      Tolerance(
        1e-5, "means, deviations and their products rounded to 32 bits, differences of them"),
      batchNormGradients),
    "conv2d_gradient": Operation(sums) { golden in
      let (input, weight) = (try tensor(golden, "input"), try tensor(golden, "weight"))
      let gradient = try tensor(golden, "outputGradient")
      let (stride, padding) = (try golden.integer("stride"), try golden.integer("padding"))
      let groups = try golden.integer("groups")
      return [
        "inputGradient": NumericArray(
          convolutionInputGradient(
            gradient, weight: PackedWeight(weight), rows: input.shape[2],
            columns: input.shape[3], stride: stride, padding: padding, groups: groups)),
        "weightGradient": NumericArray(
          convolutionWeightGradient(
            input, outputGradient: gradient, kernelRows: weight.shape[2],
            kernelColumns: weight.shape[3], stride: stride, padding: padding, groups: groups)),
        "biasGradient": NumericArray(channelSums(gradient)),
      ]
    },
    "conv_transpose2d_gradient": Operation(sums) { golden in
      let weight = try tensor(golden, "weight")
      let gradient = try tensor(golden, "outputGradient")
      return [
        "inputGradient": NumericArray(
          transposedConvolutionInputGradient(gradient, weight: PackedWeight(weight))),
        "weightGradient": NumericArray(
          transposedConvolutionWeightGradient(
            try tensor(golden, "input"), outputGradient: gradient, kernel: weight.shape[2])),
        "biasGradient": NumericArray(channelSums(gradient)),
      ]
    },
    "linear_gradient": Operation(sums) { golden in
      let gradient = try tensor(golden, "outputGradient")
      return [
        "inputGradient": NumericArray(
          linearInputGradient(gradient, weight: PackedWeight(try tensor(golden, "weight")))),
        "weightGradient": NumericArray(
          linearWeightGradient(try tensor(golden, "input"), outputGradient: gradient)),
        "biasGradient": NumericArray(channelSums(gradient)),
      ]
    },
    "max_pool_gradient": Operation(fewSums) { golden in
      let gradient = maxPoolGradient(
        try tensor(golden, "outputGradient"), input: try tensor(golden, "input"),
        kernel: try golden.integer("kernel"), stride: try golden.integer("stride"),
        padding: try golden.integer("padding"))
      return ["inputGradient": NumericArray(gradient)]
    },
    "relu_gradient": Operation(.exact) { golden in
      let gradient = reluGradient(
        try tensor(golden, "outputGradient"), output: try tensor(golden, "output"))
      return ["inputGradient": NumericArray(gradient)]
    },
    "resize_nearest_gradient": Operation(fewSums) { golden in
      let input = try tensor(golden, "input")
      let gradient = resizeNearestGradient(
        try tensor(golden, "outputGradient"), rows: input.shape[2], columns: input.shape[3])
      return ["inputGradient": NumericArray(gradient)]
    },
  ]

  private static func tensor(_ golden: GoldenCase, _ name: String) throws -> Tensor {
    try golden.input(name).tensor
  }

  private static func batchNormGradients(_ golden: GoldenCase) throws -> [String: NumericArray] {
    let (input, weight) = (try tensor(golden, "input"), try tensor(golden, "weight"))
    let epsilon = try golden.number("epsilon")
    guard golden.has("outputGradient") else {
      let (output, statistics) = Kernels.batchNorm(
        input, weight: weight, bias: try tensor(golden, "bias"), epsilon: epsilon)
      func channels(_ values: [Float]) -> NumericArray {
        NumericArray(Tensor([values.count], values))
      }
      return [
        "output": NumericArray(output), "mean": channels(statistics.mean),
        "variance": channels(statistics.variance),
        "unbiasedVariance": channels(statistics.unbiasedVariance),
      ]
    }
    let gradient = try tensor(golden, "outputGradient")
    let result =
      try golden.flag("frozen")
      ? frozenBatchNormGradient(
        gradient, input: input, weight: weight, mean: try tensor(golden, "mean"),
        variance: try tensor(golden, "variance"), epsilon: epsilon)
      : batchNormGradient(
        gradient, input: input, weight: weight, statistics: batchStatistics(input),
        epsilon: epsilon)
    return [
      "inputGradient": NumericArray(result.input), "weightGradient": NumericArray(result.weight),
      "biasGradient": NumericArray(result.bias),
    ]
  }
}
