import Tensors
import WeightFiles

/// Weights by a formula that a few lines of Python repeat bit for bit, so that tests of large
/// networks need no weight files: `Fixtures/record/seeded_weights.py` is the other half.
///
/// Element i of the parameter `name` is, with all integers 64 bits wide and unsigned:
///
///     state = fnv1a64(utf8(name)) ^ seed
///     z = state + (i + 1) * 0x9E3779B97F4A7C15          splitmix64, started at state
///     z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
///     z = (z ^ (z >> 27)) * 0x94D049BB133111EB
///     x = z ^ (z >> 31)
///     u = (x >> 40) * 2^-24                             in [0, 1), exact
///     value = Float(low + (high - low) * u)             in Double, rounded once
public enum SeededWeights {
  /// Generates all parameters of a list.
  ///
  /// - Parameters:
  ///   - parameters: Names and shapes, as `ParameterShape.readList` reads them.
  ///   - seed: Any number; the same one gives the same bits on every machine.
  ///   - metadata: Settings that the model is to read.
  public static func generate(
    _ parameters: [ParameterShape], seed: UInt64, metadata: [String: String] = [:]
  ) -> WeightFile {
    let names = Set(parameters.map(\.name))
    var tensors: [String: Tensor] = [:]
    for parameter in parameters {
      let (low, high) = bounds(parameter, in: names)
      let shape = Shape(parameter.shape)
      tensors[parameter.name] = Tensor(
        shape, values(parameter.name, count: shape.count, seed: seed, low: low, high: high))
    }
    return WeightFile(name: "seed \(seed)", tensors: tensors, metadata: metadata)
  }

  /// The values of one parameter, uniform in [low, high).
  public static func values(
    _ name: String, count: Int, seed: UInt64, low: Double, high: Double
  ) -> [Float] {
    let state = fnv1a64(name) ^ seed
    let range = high - low
    return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      var z = state
      for index in 0..<count {
        z &+= 0x9E37_79B9_7F4A_7C15
        var x = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        x = (x ^ x >> 27) &* 0x94D0_49BB_1331_11EB
        x ^= x >> 31
        let u = Double(Int32(truncatingIfNeeded: x >> 40)) * 0x1p-24
        buffer[index] = Float(low + range * u)
      }
      initialized = count
    }
  }

  /// Where the values of a parameter lie, so that activations neither die out nor explode, some
  /// class scores pass 0.05 and rankings are spread.
  ///
  /// - Parameter names: All parameters of the network: they tell which norm of a block is its last.
  public static func bounds(
    _ parameter: ParameterShape, in names: Set<String>
  ) -> (low: Double, high: Double) {
    let name = parameter.name
    if name.hasSuffix("running_mean") { return (-0.1, 0.1) }
    if name.hasSuffix("running_var") { return (0.5, 1.5) }
    if name.hasSuffix("bias") {
      // Below 0 in the box head's linear layers: features become sparse, and different RoIs get
      // different classes. (Not in its norms: after four convolutions nothing would be left.)
      let isLinear = ["fc", "5."].contains { name.hasPrefix("roi_heads.box_head.\($0)") }
      return isLinear ? (-2, 0) : (-0.05, 0.05)
    }
    if parameter.shape.count == 1 {
      // The last norm of a residual branch is small, so that sums over many blocks stay tame.
      let third = name.dropLast("bn2.weight".count) + "bn3.weight"
      let isLast =
        name.hasSuffix(".bn3.weight")
        || name.hasSuffix(".bn2.weight") && !names.contains(String(third))
      if isLast { return (0.1, 0.3) }
      return name.hasPrefix("backbone.body.") ? (0.5, 1) : (0.7, 1.2)
    }
    // A transposed convolution's weight begins with the inputs, and 2x2 kernels do not overlap.
    let inputs =
      name.contains(".conv5_mask.")
      ? parameter.shape.first ?? 1 : parameter.shape.dropFirst().reduce(1, *)
    let gain = gains.first { name.hasPrefix($0.start + ".") }?.gain ?? 1
    let bound = (6 / Double(max(inputs, 1))).squareRoot() * gain
    return (-bound, bound)
  }

  /// Factors on the bound of weights whose name begins so; 1 elsewhere.
  private static let gains: [(start: String, gain: Double)] = [
    ("backbone.fpn", 0.7),
    ("rpn.head.cls_logits", 1),
    ("rpn.head.bbox_pred", 0.15),
    ("roi_heads.box_predictor.cls_score", 0.9),
    ("roi_heads.box_predictor.bbox_pred", 0.5),
    ("roi_heads.mask_predictor.mask_fcn_logits", 1),
  ]

  /// The 64-bit Fowler-Noll-Vo hash of a name's UTF-8 bytes.
  private static func fnv1a64(_ name: String) -> UInt64 {
    name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }
}
