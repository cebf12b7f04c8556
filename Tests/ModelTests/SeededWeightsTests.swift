import Foundation
import Model
import Tensors
import Testing

@Suite("Seeded weights")
struct SeededWeightsTests {
  /// First, second and last value of parameters of `resnet50_fpn_v1` with seed 7, and all values
  /// combined with exclusive or: bit patterns that `Fixtures/record/seeded_weights.py` gave.
  static let python: [(name: String, bits: [UInt32])] = [
    ("backbone.body.conv1.weight", [0xbc57_50e5, 0xbdef_4725, 0xbe0a_e7e5, 0x84fb_772c]),
    ("backbone.body.bn1.running_var", [0x3f23_adef, 0x3f7c_a83a, 0x3f63_ba5a, 0x00c3_1481]),
    ("backbone.body.layer1.0.bn3.weight", [0x3e8c_d01b, 0x3e7d_d61e, 0x3e04_6d93, 0x031a_e093]),
    ("rpn.head.bbox_pred.weight", [0x3c63_1134, 0xbb98_e7aa, 0xbc8a_bdc7, 0x02fd_9bb6]),
    ("roi_heads.box_head.fc6.bias", [0xbfb3_9539, 0xbf95_67ac, 0xbfc1_73c0, 0x0752_0521]),
    (
      "roi_heads.mask_predictor.conv5_mask.weight",
      [0xbbdd_2c91, 0xbd8f_b0be, 0xba2e_6e33, 0x8afd_d29c]
    ),
  ]

  @Test("Swift and Python make the same bits")
  func sameBits() throws {
    let clock = ContinuousClock()
    let start = clock.now
    let file = SeededWeights.generate(try architecture("resnet50_fpn_v1"), seed: 7)
    print("44.5 million seeded values in \(clock.now - start)")
    for (name, bits) in SeededWeightsTests.python {
      let found = try #require(file.tensors[name]).values.map(\.bitPattern)
      #expect([found[0], found[1], found[found.count - 1], found.reduce(0, ^)] == bits, "\(name)")
    }
    let all = file.tensors.values.reduce(UInt32(0)) { $1.values.reduce($0) { $0 ^ $1.bitPattern } }
    #expect(all == 0xb5ea_d85b)
  }

  @Test("they make a model, with settings from outside")
  func model() throws {
    let file = SeededWeights.generate(try smallNetwork(), seed: 1, metadata: detectorMetadata)
    #expect(try MaskRCNNModel(weights: file).settings.detectionsPerImage == 500)
    let other = SeededWeights.generate(try smallNetwork(), seed: 2)
    #expect(file.tensors["rpn.head.cls_logits.bias"] != other.tensors["rpn.head.cls_logits.bias"])
  }

  @Test("a list that is none is a fault")
  func noList() {
    #expect(throws: Fault.self) { try ParameterShape.readList(fixture("weight-files/notes.json")) }
    #expect(throws: Fault.self) { try ParameterShape.readList(fixture("none.json")) }
  }
}
