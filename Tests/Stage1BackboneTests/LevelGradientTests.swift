import Model
import Stage1Backbone
import Tensors
import Testing

/// Pyramids of other levels than torchvision's own: the backward pass against central differences.
@Suite struct LevelGradientTests {
  /// A convolution of numbers that a formula gives.
  private func convolution(
    _ outputs: Int, _ inputs: Int, _ side: Int, stride: Int = 1, seed: Int
  ) -> Convolution {
    let shape: Shape = [outputs, inputs, side, side]
    return Convolution(
      weight: Tensor(shape, (0..<shape.count).map { Float(($0 * 37 + seed) % 19 - 9) / 16 }),
      bias: Tensor([outputs], (0..<outputs).map { Float($0 + seed) / 8 }), stride: stride,
      padding: side / 2)
  }

  /// A backbone of `layers` layers without blocks, of 2 channels for the first, 3 for the second, …
  private func backbone(layers: Int, levels: Int, coarse: Int?) -> Backbone {
    let channels = levels == 0 ? layers + 1 : 2
    return Backbone(
      stem: convolution(1, 1, 1, seed: 1),
      layers: [[ResidualBlock]](
        repeating: [
          ResidualBlock(
            name: "", branch: [convolution(layers + 1, 1, 1, seed: 1)], shortcut: nil)
        ], count: layers),
      inner: (0..<levels).map {
        convolution(channels, layers - levels + $0 + 2, 1, seed: $0 + 2)
      },
      outer: (0..<levels).map { convolution(channels, channels, 3, seed: $0 + 5) },
      coarse: coarse.map {
        [
          convolution(channels, $0, 3, stride: 2, seed: 8),
          convolution(channels, channels, 3, stride: 2, seed: 9),
        ]
      } ?? [])
  }

  private func maps(layers: Int) -> [Tensor] {
    (0..<layers).map { layer in
      let side = 12 >> layer
      let shape: Shape = [1, layer + 2, side, side]
      return Tensor(shape, (0..<shape.count).map { Float(($0 * 29 + layer) % 23 - 11) / 8 })
    }
  }

  @Test(
    "dL/dC of every level that is read, and none of the others",
    arguments: [
      (3, 2, Int?.none), (3, 0, nil), (3, 3, 4), (3, 3, 2), (2, 2, nil),
    ])
  func backward(layers: Int, levels: Int, coarse: Int?) throws {
    let backbone = backbone(layers: layers, levels: levels, coarse: coarse)
    let maps = maps(layers: layers)
    let (pyramid, tape) = pyramidForward(maps, backbone, norms: .frozen)
    #expect(zip(pyramid, featurePyramid(maps, backbone)).allSatisfy { $0 == $1 })
    #expect(pyramid.count == backbone.levels.count)
    // L = the sum of w * P over all levels.
    let weights = pyramid.enumerated().map { level, map in
      Tensor(map.shape, map.values.indices.map { Float(($0 * 13 + level) % 7 - 3) / 4 })
    }
    func loss(_ maps: [Tensor]) -> Double {
      zip(featurePyramid(maps, backbone), weights).reduce(0) { sum, pair in
        sum + zip(pair.0.values, pair.1.values).reduce(0) { $0 + Double($1.0) * Double($1.1) }
      }
    }
    var (gradients, parameters) = (weights, backbone)
    let found = pyramidBackward(&gradients, backbone, tape, parameters: &parameters)
    #expect(found.count == layers)
    for layer in 0..<layers {
      guard let gradient = found[layer] else {
        #expect(layer < layers - max(levels, 1))
        continue
      }
      #expect(layer >= layers - max(levels, 1) && gradient.shape == maps[layer].shape)
      for place in stride(from: 0, to: gradient.count, by: 5) {
        // Piecewise linear: a small step passes no kink but by chance, and these numbers have none.
        let step: Float = 1 / 64
        var (up, down) = (maps, maps)
        up[layer].values[place] += step
        down[layer].values[place] -= step
        let slope = (loss(up) - loss(down)) / Double(2 * step)
        #expect(abs(slope - Double(gradient.values[place])) < 1e-3 * max(1, abs(slope)))
      }
    }
    // The pyramid's parameters have gradients, those of the coarsest levels among them.
    #expect(parameters.coarse.allSatisfy { $0.weight.statistics.maximum != 0 })
  }
}
