import Foundation
import Tensors
import Testing

@testable import Model

@Suite("Architecture from shapes")
struct ArchitectureTests {
  @Test("ResNet-50 with FPN, torchvision's first version")
  func firstVersion() throws {
    let model = try MaskRCNNModel(weights: weights(architecture("resnet50_fpn_v1")))
    let found = model.architecture
    #expect(found.trunkName == "ResNet-50")
    let layout = found.layout
    #expect(layout.blocks == [3, 4, 6, 3] && layout.isBottleneck && layout.groups == 1)
    #expect(layout.stemChannels == 64 && layout.outputs == [256, 512, 1024, 2048])
    #expect(layout.pyramidChannels == 256 && found.anchorsPerCell == 3 && found.classCount == 91)
    // torchvision publishes 44,401,393: it does not count what it freezes.
    #expect(found.parameterCount - found.trunkNormCount == 44_401_393)
    #expect(model.normEpsilon == 0)
    #expect(model.backbone.inner.allSatisfy { $0.norm == nil && $0.bias != nil })
    #expect(model.rpnHead.convolutions.count == 1)
    #expect(model.boxHead.convolutions.isEmpty && model.boxHead.layers.count == 2)
    #expect(model.maskHead.convolutions.allSatisfy { $0.norm == nil && $0.bias != nil })
    #expect(model.settings.classNames[1] == "person" && model.settings.classNames[12] == "N/A")
  }

  @Test("ResNet-50 with FPN, torchvision's second version")
  func secondVersion() throws {
    let model = try MaskRCNNModel(weights: weights(architecture("resnet50_fpn_v2")))
    #expect(model.architecture.trunkName == "ResNet-50")
    #expect(model.architecture.parameterCount == 46_359_409)
    #expect(model.normEpsilon == 1e-5)
    #expect(model.backbone.inner.allSatisfy { $0.norm != nil && $0.bias == nil })
    #expect(model.backbone.outer.allSatisfy { $0.norm?.epsilon == 1e-5 })
    #expect(model.rpnHead.convolutions.count == 2)
    #expect(model.boxHead.convolutions.count == 4 && model.boxHead.layers.count == 1)
    #expect(model.maskHead.convolutions.allSatisfy { $0.norm != nil && $0.bias == nil })
  }

  @Test("the bundled detector mixes both")
  func hybrid() throws {
    let model = try MaskRCNNModel(
      weights: weights(architecture("nuclei"), metadata: detectorMetadata))
    #expect(model.architecture.trunkName == "ResNet-18, width 32")
    #expect(model.architecture.classCount == 4 && model.architecture.layout.pyramidChannels == 64)
    #expect(model.backbone.inner[0].norm != nil && model.rpnHead.convolutions[0].bias != nil)
    #expect(
      model.boxHead.convolutions.isEmpty && model.boxHead.layers[0].weight.shape == [384, 3136])
    #expect(model.maskHead.convolutions[3].norm != nil)
    let summary = model.summary
    #expect(summary.contains("pyramid v2, RPN v1, box head v1, mask head v2"))
    #expect(summary.contains("2.0 times the image (input.scale: weight file)"))
  }

  @Test(
    "deeper and grouped trunks",
    arguments: [("resnet101_fpn", "ResNet-101"), ("resnext50_32x4d_fpn", "ResNeXt-50 32x4d")])
  func trunks(list: String, name: String) throws {
    let model = try MaskRCNNModel(weights: weights(architecture(list)))
    #expect(model.architecture.trunkName == name)
    #expect(model.normEpsilon == 1e-5)  // only ResNet-50's published weights have 0
    #expect(model.backbone.layers[1][0].branch[1].groups == (list.hasPrefix("resnext") ? 32 : 1))
    #expect(model.backbone.layers[1][0].branch[0].groups == 1)
  }

  @Test("other depths and widths, made from lists by hand")
  func otherTrunks() throws {
    // ResNet-34 has ResNet-18's blocks, more of them.
    var list = try smallNetwork()
    for (layer, count) in [(1, 3), (2, 4), (3, 6), (4, 3)] {
      let last = list.filter { $0.name.hasPrefix("backbone.body.layer\(layer).1.") }
      for block in 2..<count {
        list += last.map {
          ParameterShape(
            $0.name.replacingOccurrences(of: "layer\(layer).1.", with: "layer\(layer).\(block)."),
            $0.shape)
        }
      }
    }
    #expect(
      try MaskRCNNModel(weights: weights(list)).architecture.trunkName == "ResNet-34, width 4")
    // A wide ResNet-50-2: twice the channels inside the blocks.
    let wide = try architecture("resnet50_fpn_v1").map { parameter in
      var shape = parameter.shape
      if parameter.name.hasPrefix("backbone.body.layer") {
        for part in ["conv1.", "bn1.", "conv2.", "bn2."] where parameter.name.contains(part) {
          shape[0] *= 2
        }
        for part in ["conv2.", "conv3."] where parameter.name.contains(part) { shape[1] *= 2 }
      }
      return ParameterShape(parameter.name, shape)
    }
    let model = try MaskRCNNModel(weights: weights(wide))
    #expect(model.architecture.trunkName == "Wide ResNet-50-2")
    #expect(model.normEpsilon == 1e-5)
  }

  @Test("every convolution has torchvision's stride and padding")
  func strides() throws {
    let bottleneck = try MaskRCNNModel(weights: weights(architecture("resnet50_fpn_v1"))).backbone
    #expect(bottleneck.stem.stride == 2 && bottleneck.stem.padding == 3)
    for (layer, blocks) in bottleneck.layers.enumerated() {
      for (index, block) in blocks.enumerated() {
        let stride = layer > 0 && index == 0 ? 2 : 1
        #expect(block.name == "layer\(layer + 1).\(index)")
        #expect(block.branch.map(\.stride) == [1, stride, 1])
        #expect(block.branch.map(\.padding) == [0, 1, 0])
        #expect(block.shortcut?.stride == (index == 0 ? stride : nil))
        #expect(index > 0 || block.shortcut?.padding == 0)
      }
    }
    let model = try MaskRCNNModel(weights: weights(smallNetwork()))
    let basic = model.backbone.layers
    #expect(basic[0][0].shortcut == nil && basic[1][0].shortcut?.stride == 2)
    #expect(basic[1][0].branch.map(\.stride) == [2, 1])
    #expect(basic[1][0].branch.map(\.padding) == [1, 1])
    #expect(model.backbone.inner.map(\.padding) == [0, 0, 0, 0])
    #expect(model.backbone.outer.map(\.padding) == [1, 1, 1, 1])
    #expect(model.rpnHead.convolutions.map(\.padding) == [1])
    #expect(model.rpnHead.objectness.padding == 0 && model.maskHead.logits.padding == 0)
    #expect(model.maskHead.upsampling.stride == 2 && model.maskHead.upsampling.padding == 0)
  }

  @Test("parameters arrive where they belong")
  func places() throws {
    let file = SeededWeights.generate(try smallNetwork(), seed: 1)
    let model = try MaskRCNNModel(weights: file)
    let block = model.backbone.layers[2][1]
    let name = "backbone.body.layer3.1"
    #expect(block.branch[1].weight == file.tensors["\(name).conv2.weight"])
    #expect(block.branch[1].norm?.weight == file.tensors["\(name).bn2.weight"])
    #expect(block.branch[1].norm?.bias == file.tensors["\(name).bn2.bias"])
    #expect(block.branch[1].norm?.mean == file.tensors["\(name).bn2.running_mean"])
    #expect(block.branch[1].norm?.variance == file.tensors["\(name).bn2.running_var"])
    #expect(model.backbone.inner[3].weight == file.tensors["backbone.fpn.inner_blocks.3.0.weight"])
    #expect(model.backbone.outer[1].weight == file.tensors["backbone.fpn.layer_blocks.1.0.weight"])
    #expect(model.rpnHead.objectness.bias == file.tensors["rpn.head.cls_logits.bias"])
    #expect(model.rpnHead.deltas.weight == file.tensors["rpn.head.bbox_pred.weight"])
    #expect(model.boxHead.layers[1].weight == file.tensors["roi_heads.box_head.fc7.weight"])
    let predictor = "roi_heads.box_predictor"
    #expect(model.boxHead.classLogits.weight == file.tensors["\(predictor).cls_score.weight"])
    #expect(model.boxHead.boxDeltas.bias == file.tensors["\(predictor).bbox_pred.bias"])
    let mask = "roi_heads.mask_predictor"
    #expect(model.maskHead.upsampling.weight == file.tensors["\(mask).conv5_mask.weight"])
    #expect(model.maskHead.logits.weight == file.tensors["\(mask).mask_fcn_logits.weight"])
  }
}
