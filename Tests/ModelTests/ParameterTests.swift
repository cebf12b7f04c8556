import Foundation
import Model
import Tensors
import Testing
import WeightFiles

@Suite("Parameters that do not fit")
struct ParameterTests {
  /// The fault that a model of these parameters ends with, in one line.
  func fault(_ parameters: [ParameterShape]) -> String {
    do {
      _ = try MaskRCNNModel(weights: weights(parameters))
      return ""
    } catch let fault as Fault {
      #expect(!fault.description.contains("\n"))
      return fault.description
    } catch {
      return "no Fault: \(error)"
    }
  }

  @Test("a variance that no batch norm has")
  func variance() throws {
    let list = try smallNetwork()
    let good = weights(list)
    var tensors = good.tensors
    let name = "backbone.body.layer1.0.bn1.running_var"
    tensors[name] = try #require(tensors[name]).map { _ in -1 }
    #expect(throws: Never.self) { try MaskRCNNModel(weights: good) }
    let fault = #expect(throws: Fault.self) {
      try MaskRCNNModel(weights: WeightFile(name: "w.pth", tensors: tensors, metadata: [:]))
    }
    #expect(fault?.description.contains("layer1.0.bn1") == true)
  }

  @Test("names from before torchvision 0.13 are accepted, and so are wrappers'")
  func oldNames() throws {
    let list = try architecture("resnet50_fpn_v1")
    let old = list.map { parameter in
      var name = parameter.name.replacingOccurrences(
        of: "rpn.head.conv.0.0.", with: "rpn.head.conv.")
      for index in 0..<4 {
        for part in ["inner_blocks", "layer_blocks"] {
          name = name.replacingOccurrences(of: "\(part).\(index).0.", with: "\(part).\(index).")
        }
        name = name.replacingOccurrences(
          of: "mask_head.\(index).0.", with: "mask_head.mask_fcn\(index + 1).")
      }
      return ParameterShape(name, parameter.shape)
    }
    #expect(Set(old).intersection(list).count == list.count - 26)
    let file = SeededWeights.generate(old, seed: 3)
    let model = try MaskRCNNModel(weights: file)
    #expect(model.normEpsilon == 0)
    #expect(model.rpnHead.convolutions[0].weight == file.tensors["rpn.head.conv.weight"])
    #expect(
      model.maskHead.convolutions[3].bias == file.tensors["roi_heads.mask_head.mask_fcn4.bias"])
    #expect(
      model.backbone.outer[2].weight == file.tensors["backbone.fpn.layer_blocks.2.weight"])
    let wrapped = try smallNetwork().map { ParameterShape("module." + $0.name, $0.shape) }
    #expect(fault(wrapped) == "")
    let both = list + [ParameterShape("rpn.head.conv.weight", [256, 256, 3, 3])]
    #expect(fault(both).contains("1 too many (rpn.head.conv.weight [256, 256, 3, 3])"))
  }

  @Test("every missing parameter is named")
  func missing() throws {
    let list = try smallNetwork()
    for parameter in list {
      let fault = fault(list.filter { $0 != parameter })
      #expect(fault.contains("\(parameter.name) \(Shape(parameter.shape))"), "\(fault)")
    }
  }

  @Test("every misshapen parameter is named, with both shapes")
  func misshapen() throws {
    let list = try smallNetwork()
    for index in list.indices {
      var changed = list
      changed[index].shape[0] += 4
      let fault = fault(changed)
      let words =
        "\(list[index].name) is \(Shape(changed[index].shape)) instead of "
        + "\(Shape(list[index].shape))"
      #expect(fault.contains(words), "\(fault)")
    }
    var scalar = list
    scalar[0].shape = []
    #expect(fault(scalar).contains("is [] instead of [4, 3, 7, 7]"))
  }

  @Test("superfluous parameters are named; counters of steps are not superfluous")
  func extra() throws {
    let list = try smallNetwork()
    let words = fault(list + [ParameterShape("fc.weight", [10, 32])])
    #expect(words.contains("1 too many (fc.weight [10, 32])"))
    #expect(fault(list + [ParameterShape("backbone.body.bn1.num_batches_tracked", [])]) == "")
  }

  @Test("a long list of problems is cut")
  func longList() throws {
    let list = try smallNetwork().filter { !$0.name.contains("running_var") }
    let fault = fault(list)
    #expect(fault.contains("32 missing (") && fault.contains(", and 24 more)"), "\(fault)")
    #expect(fault.utf8.count < 1000)
  }

  @Test("other models are told apart")
  func otherModels() throws {
    let list = try smallNetwork()
    #expect(fault([]).contains("no tensors"))
    #expect(fault([ParameterShape("w", [1])]).contains("no Mask R-CNN; its tensors are called w"))
    #expect(fault([ParameterShape("layer1.0.conv1.weight", [1])]).contains("backbone alone"))
    let detectron = [ParameterShape("backbone.bottom_up.stem.conv1.weight", [1])]
    #expect(fault(detectron).contains("detectron2"))
    #expect(fault(list.filter { !$0.name.contains("mask") }).contains("Faster R-CNN"))
    #expect(fault(list.filter { $0.name.hasPrefix("backbone") }).contains("no mask head"))
  }

  @Test("extents that no network has end in a fault")
  func absurd() throws {
    for extent in [0, 1, 2, 3] {
      for axis in 0..<2 {
        let list = try smallNetwork().map { parameter in
          var shape = parameter.shape
          if axis < shape.count { shape[axis] = extent }
          return ParameterShape(parameter.name, shape)
        }
        _ = fault(list)
      }
    }
    // An extent of 0 lets the others be anything.
    for parameter in try smallNetwork() {
      var list = try smallNetwork().filter { $0.name != parameter.name }
      list.append(ParameterShape(parameter.name, [1 << 62, 0]))
      #expect(fault(list) != "")
    }
  }
}
