import Kernels
import Model
import Stage1Backbone
import Tensors
import Testing

/// A convolution of one channel that gives the mean of its window: nothing that it sees is lost.
private func averaging(_ side: Int, stride: Int = 1) -> Convolution {
  Convolution(
    weight: Tensor([1, 1, side, side], repeating: 1 / Float(side * side)), stride: stride,
    padding: side / 2)
}

/// A trunk of one channel; `blocks` of each layer, basic or bottleneck.
private func trunk(blocks: [Int], isBottleneck: Bool) -> Backbone {
  let layers = blocks.enumerated().map { layer, count in
    (0..<count).map { block in
      let stride = layer > 0 && block == 0 ? 2 : 1
      return ResidualBlock(
        name: "layer\(layer + 1).\(block)",
        branch: isBottleneck
          ? [averaging(1), averaging(3, stride: stride), averaging(1)]
          : [averaging(3, stride: stride), averaging(3)],
        shortcut: stride > 1 ? averaging(1, stride: 2) : nil)
    }
  }
  return Backbone(stem: averaging(7, stride: 2), layers: layers, inner: [], outer: [])
}

@Suite struct ReceptiveFieldTests {
  @Test("the fields that the literature gives for ResNet-18 and ResNet-50")
  func known() {
    let shallow = trunk(blocks: [2, 2, 2, 2], isBottleneck: false)
    #expect(shallow.receptiveFields == [43, 99, 211, 435])
    let deep = trunk(blocks: [3, 4, 6, 3], isBottleneck: true)
    #expect(deep.receptiveFields == [35, 91, 267, 427])
  }

  @Test(
    "a light just inside the field reaches the cell, one just outside does not",
    arguments: [([2, 2, 2, 2], false), ([1, 2, 1, 2], true)])
  func impulses(blocks: [Int], isBottleneck: Bool) {
    let backbone = trunk(blocks: blocks, isBottleneck: isBottleneck)
    for (level, side) in backbone.receptiveFields.enumerated() {
      let stride = 4 << level
      let cell = 512 / stride
      for distance in [side / 2, side / 2 + 1] {
        for x in [cell * stride - distance, cell * stride + distance] {
          var input = Tensor([1, 1, 32, 1024], repeating: 0)
          for y in 0..<32 { input[0, 0, y, x] = 1 }
          let map = trunkFeatures(input, backbone).levels[level]  // [1, 1, 32 / s, 1024 / s]
          #expect((map[0, 0, 0, cell] > 0) == (distance == side / 2), "C\(level + 2), pixel \(x)")
        }
      }
    }
  }
}
