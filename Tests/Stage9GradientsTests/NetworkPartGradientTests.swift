import Kernels
import Model
import Stage1Backbone
import Stage2Anchors
import Stage5Heads
import Tensors
import TestFixtures
import Testing

// The backward passes of whole parts of the network against central differences of their forward
// passes, written once more in 64 bits.
//
// The loss is the sum of the output times noise. Parameters are multiples of 1/16 and moved by
// 2^-18, so that a moved one is a 32-bit number, too. A part is up to five layers in 32 bits.

private let tolerance = 5e-6

@Suite struct NetworkPartGradientTests {
  private static let forms = [KernelForm.plain, .fast]

  @Test("a residual block with a shortcut, norms by the batch's statistics", arguments: forms)
  func residualBlock(_ form: KernelForm) {
    var noise = SeededGenerator(seed: 1)
    let block = ResidualBlock(
      name: "",
      branch: [noise.layer(3, 2, 3, stride: 2, norm: true), noise.layer(3, 3, 3, norm: true)],
      shortcut: noise.layer(3, 2, 1, stride: 2, norm: true))
    let input = noise.tensor([2, 2, 6, 5])
    let slope = noise.tensor([2, 3, 3, 3])
    let (_, tape) = form.running {
      residualBlockForward(input, block, norms: .batchStatistics)
    }
    let found = form.running { residualBlockBackward(slope, block, tape) }
    check("residual block", form, block, found.parameters, input, found.input) { x, block in
      let hidden = layer(x, block.branch[0], rectified: true)
      let other = block.shortcut.map { layer(x, $0, rectified: false) }
      return inner(layer(hidden, block.branch[1], adding: other, rectified: true), slope)
    }
  }

  @Test("the region proposal network's head", arguments: forms)
  func rpnHead(_ form: KernelForm) {
    var noise = SeededGenerator(seed: 3)
    let head = RPNHead(
      convolutions: [noise.layer(3, 3, 3), noise.layer(3, 3, 3)],
      objectness: noise.layer(2, 3, 1), deltas: noise.layer(8, 3, 1))
    let input = noise.tensor([2, 3, 4, 5])
    let slopes = (noise.tensor([2, 2, 4, 5]), noise.tensor([2, 8, 4, 5]))
    let (_, tape) = form.running { rpnForward(input, head, norms: .frozen) }
    let found = form.running {
      rpnBackward(objectness: slopes.0, deltas: slopes.1, head, tape)
    }
    check("RPN head", form, head, found.parameters, input, found.features) { x, head in
      let hidden = head.convolutions.reduce(x) { layer($0, $1, rectified: true) }
      return inner(layer(hidden, head.objectness, rectified: false), slopes.0)
        + inner(layer(hidden, head.deltas, rectified: false), slopes.1)
    }
  }

  @Test(
    "the box head with a convolution, as in v2, and two fully connected layers", arguments: forms)
  func boxHead(_ form: KernelForm) {
    var noise = SeededGenerator(seed: 4)
    let head = BoxHead(
      convolutions: [noise.layer(2, 2, 3, norm: true)],
      layers: [noise.linear(5, 18), noise.linear(4, 5)], classLogits: noise.linear(3, 4),
      boxDeltas: noise.linear(12, 4))
    let input = noise.tensor([5, 2, 3, 3])
    let slopes = (noise.tensor([5, 3]), noise.tensor([5, 12]))
    let (_, tape) = form.running { boxHeadForward(input, head, norms: .batchStatistics) }
    let found = form.running {
      boxHeadBackward(classLogits: slopes.0, deltas: slopes.1, head, tape)
    }
    check("box head", form, head, found.parameters, input, found.features) { x, head in
      let maps = layer(x, head.convolutions[0], rectified: true)
      let hidden = head.layers.reduce(DoubleTensor([5, 18], maps.values)) {
        layer($0, $1, rectified: true)
      }
      return inner(layer(hidden, head.classLogits, rectified: false), slopes.0)
        + inner(layer(hidden, head.boxDeltas, rectified: false), slopes.1)
    }
  }

  /// More RoIs than are upsampled together.
  @Test("the mask head", arguments: forms)
  func maskHead(_ form: KernelForm) {
    var noise = SeededGenerator(seed: 5)
    let head = MaskHead(
      convolutions: [noise.layer(2, 2, 3, norm: true)],
      upsampling: Convolution(
        weight: noise.parameter([2, 3, 2, 2]), bias: noise.parameter([3]), stride: 2),
      logits: noise.layer(2, 3, 1))
    let input = noise.tensor([35, 2, 2, 3])
    let slope = noise.tensor([35, 2, 4, 6])
    let (_, tape) = form.running { maskHeadForward(input, head, norms: .batchStatistics) }
    let found = form.running { maskHeadBackward(slope, head, tape) }
    check("mask head", form, head, found.parameters, input, found.features) { x, head in
      let hidden = layer(x, head.convolutions[0], rectified: true)
      let upsampled = finish(
        DoubleReference.transposedConvolution(hidden, DoubleTensor(head.upsampling.weight)),
        shift: head.upsampling.bias, rectified: true)
      return inner(layer(upsampled, head.logits, rectified: false), slope)
    }
  }

  /// Fully connected layers, written as convolutions.
  @Test("a mask head of fully connected layers", arguments: forms)
  func fullyConnectedMaskHead(_ form: KernelForm) {
    var noise = SeededGenerator(seed: 6)
    let whole = Convolution(
      weight: noise.parameter([4, 2, 3, 3]), bias: noise.parameter([4]), padding: 0)
    let head = MaskHead(
      convolutions: [whole, noise.layer(3, 4, 1)],
      upsampling: Convolution(
        weight: noise.parameter([3, 2, 6, 6]), bias: noise.parameter([2]), stride: 6),
      logits: noise.layer(2, 2, 1))
    let input = noise.tensor([35, 2, 3, 3])
    let slope = noise.tensor([35, 2, 6, 6])
    let (logits, tape) = form.running { maskHeadForward(input, head, norms: .fixedStatistics) }
    #expect(logits.shape == slope.shape)
    let found = form.running { maskHeadBackward(slope, head, tape) }
    check("MLP mask head", form, head, found.parameters, input, found.features) { x, head in
      let hidden = head.convolutions.reduce(x) { layer($0, $1, rectified: true) }
      let upsampled = finish(
        DoubleReference.transposedConvolution(hidden, DoubleTensor(head.upsampling.weight)),
        shift: head.upsampling.bias, rectified: true)
      return inner(layer(upsampled, head.logits, rectified: false), slope)
    }
  }
}

/// Compares the gradients of a part's input and of its learned parameters with central differences.
private func check<Part: ParameterTree>(
  _ name: String, _ form: KernelForm, _ part: Part, _ gradients: Part, _ input: Tensor,
  _ inputGradient: Tensor?, loss: (DoubleTensor, Part) -> Double
) {
  let step = 0x1p-18
  let shape = input.shape.extents
  let byInput = centralError(
    of: "\(name) (\(form)), by input", inputGradient ?? Tensor([0], []), at: input, step: step
  ) { loss(DoubleTensor(shape, $0), part) }
  #expect(byInput < tolerance, "\(name)")
  let byParameters = centralError(
    of: "\(name) (\(form)), by parameters", learned(gradients), at: learned(part), step: step
  ) { values in
    var (moved, rest) = (part, values[...])
    moved.update { slot, value in
      guard slot.kind.isLearned else { return nil }
      defer { rest = rest.dropFirst(value.count) }
      return Tensor(slot.shape, rest.prefix(value.count).map { Float($0) })
    }
    return loss(DoubleTensor(input), moved)
  }
  #expect(byParameters < tolerance, "\(name)")
}

/// The learned parameters one after the other.
private func learned(_ part: some ParameterTree) -> Tensor {
  let values = part.parameters.filter(\.slot.kind.isLearned).flatMap(\.value.values)
  return Tensor([values.count], values)
}

/// A convolution with bias or batch norm, which takes the batch's statistics.
private func layer(
  _ x: DoubleTensor, _ convolution: Convolution, adding: DoubleTensor? = nil, rectified: Bool
) -> DoubleTensor {
  let sums = DoubleReference.convolution(
    x, DoubleTensor(convolution.weight), stride: convolution.stride,
    padding: convolution.padding, groups: 1)
  let normed =
    convolution.norm.map {
      DoubleReference.batchNorm(
        sums, weight: DoubleTensor($0.weight), bias: DoubleTensor($0.bias),
        epsilon: Double($0.epsilon))
    } ?? sums
  return finish(normed, shift: convolution.bias, adding: adding, rectified: rectified)
}

private func layer(_ x: DoubleTensor, _ linear: Linear, rectified: Bool) -> DoubleTensor {
  finish(
    DoubleReference.linear(x, DoubleTensor(linear.weight)), shift: linear.bias,
    rectified: rectified)
}

private func finish(
  _ sums: DoubleTensor, shift: Tensor?, adding: DoubleTensor? = nil, rectified: Bool
) -> DoubleTensor {
  let channels = [sums.shape[1]]
  return DoubleReference.finish(
    sums, scale: DoubleTensor(channels, repeating: 1),
    shift: shift.map { DoubleTensor($0) } ?? DoubleTensor(channels),
    adding: adding ?? DoubleTensor(sums.shape), rectified: rectified)
}

extension SeededGenerator {
  fileprivate mutating func tensor(_ shape: Shape) -> Tensor {
    Tensor(shape, (0..<shape.count).map { _ in normal() })
  }

  /// Multiples of 1/16.
  fileprivate mutating func parameter(_ shape: Shape) -> Tensor {
    tensor(shape).map { ($0 * 16).rounded() / 16 }
  }

  fileprivate mutating func layer(
    _ outputs: Int, _ inputs: Int, _ kernel: Int, stride: Int = 1, norm: Bool = false
  ) -> Convolution {
    Convolution(
      weight: parameter([outputs, inputs, kernel, kernel]),
      bias: norm ? nil : parameter([outputs]),
      norm: norm
        ? BatchNorm(
          weight: parameter([outputs]), bias: parameter([outputs]),
          mean: Tensor([outputs], repeating: 0), variance: Tensor([outputs], repeating: 1),
          epsilon: 0x1p-10) : nil, stride: stride, padding: kernel / 2)
  }

  fileprivate mutating func linear(_ outputs: Int, _ inputs: Int) -> Linear {
    Linear(weight: parameter([outputs, inputs]), bias: parameter([outputs]))
  }
}
