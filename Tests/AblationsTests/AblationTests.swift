import Foundation
import Inference
import Model
import Stage4RoI
import Stage5Heads
import Tensors
import TestFixtures
import Testing
import Training
import WeightFiles

@testable import Ablations

@Suite struct AblationTests {
  /// Two scenes to measure with, so that a test takes seconds.
  private func data() -> AblationData {
    let all = AblationData.shapes()
    var few = all.validation
    few.images = Array(few.images.prefix(2))
    return AblationData(
      name: "few", source: all.source, validation: few, pixels: all.pixels, crop: nil)
  }

  @Test("networks of one seed and one choice of levels differ in the operator alone")
  func alike() throws {
    let operators: [AblationVariant] = [.pool, .warp, .alignMaximum, .alignAverage]
    let cases = AblationCase.all([.stride16], operators, seeds: [7])
    let models = try cases.map {
      try $0.model(classNames: SceneSource(seed: 7).classNames, categoryIDs: [])
    }
    #expect(
      models.map { RoIOperator($0.settings.roi) } == [
        .pool, .warp(samplingRatio: 2, maximum: false),
        .align(samplingRatio: 2, aligned: false, maximum: true),
        .align(samplingRatio: 2, aligned: false, maximum: false),
      ])
    let elements = models.map { $0.parameters.parameters.flatMap(\.value.values) }
    #expect(elements.dropFirst().allSatisfy { $0 == elements[0] })
    #expect(Set(cases.map { $0.configuration(steps: 10).seed }) == [7])
    for (one, other) in zip(cases, cases.dropFirst()) {
      #expect(one.configuration(steps: 10) == other.configuration(steps: 10))
    }
    var settings = models.map(\.settings)
    for place in settings.indices { settings[place].roi = settings[0].roi }
    #expect(settings.dropFirst().allSatisfy { $0 == settings[0] })
  }

  @Test(
    "the heads read one level of stride 16, one of stride 32, or the pyramid",
    arguments: [
      (SmallNetworkLevels.stride16, 4...4, 15), (.stride32, 5...5, 15), (.pyramid, 2...5, 3),
    ])
  func levels(_ levels: SmallNetworkLevels, numbers: ClosedRange<Int>, anchors: Int) throws {
    let model = try AblationCase(levels, .pool, seed: 1).model(
      classNames: SceneSource(seed: 1).classNames, categoryIDs: [])
    #expect(model.settings.roi.levels == numbers)
    #expect(model.architecture.anchorsPerCell == anchors)
    // 64 x 64 image pixels become 128 x 128 input pixels.
    let network = Network(model)
    let input = network.input([Tensor([3, 64, 64], repeating: 0.5)])
    let sides = network.pyramid(input.tensor).map { $0.shape[2] }
    #expect(sides == (levels == .pyramid ? [32, 16, 8, 4, 2] : [128 >> numbers.lowerBound]))
  }

  @Test("a network that was stopped goes on to the same result, and one of other numbers does not")
  func resumed() throws {
    struct Stopped: Error {}
    let (one, data) = (AblationCase(.stride16, .pool, seed: 1), data())
    try withTemporaryFolder { root in
      let whole = try one.result(on: data, steps: 12, in: root.appending(path: "whole")) { _ in }
      let folder = root.appending(path: "stopped")
      var training = try TrainingRun(
        Trainer(
          one.model(classNames: data.source(1).classNames, categoryIDs: []),
          one.configuration(steps: 12)), from: data.source(1),
        in: RunFolder(new: folder.path), film: nil)
      #expect(throws: Stopped.self) {
        try training.run { done, _ in if done.step == 3 { throw Stopped() } }
      }
      var resumed = try one.result(on: data, steps: 12, in: folder) { _ in }
      resumed.seconds = whole.seconds
      #expect(resumed == whole)
      let fault = #expect(throws: Fault.self) {
        try one.result(on: data, steps: 13, in: folder) { _ in }
      }
      #expect(fault?.description.contains("begun with other numbers") == true)
      // The network that was measured is there, with its operator.
      let model = try MaskRCNNModel(contentsOf: RunFolder(resumed: folder.path).weights)
      #expect(RoIOperator(model.settings.roi) == .pool)
    }
  }

  @Test(
    "softmax masks differ in a setting, an MLP mask head in its layers; each where the paper has it"
  )
  func masks() throws {
    func model(_ levels: SmallNetworkLevels, _ variant: AblationVariant) throws -> MaskRCNNModel {
      try AblationCase(levels, variant, seed: 1).model(
        classNames: SceneSource(seed: 1).classNames, categoryIDs: [])
    }
    let cases = AblationCase.all(seeds: [1])
    #expect(cases.filter { $0.variant == .softmaxMasks }.map(\.levels) == [.stride16])
    #expect(cases.filter { $0.variant == .mlpMaskHead }.map(\.levels) == [.pyramid])
    var softmax = try model(.stride16, .softmaxMasks)
    let sigmoid = try model(.stride16, .alignAverage)
    #expect(softmax.settings.maskActivation == .softmax)
    softmax.settings.maskActivation = .sigmoid
    #expect(softmax.settings == sigmoid.settings)
    let mlp = try model(.pyramid, .mlpMaskHead)
    #expect(mlp.maskHead.convolutions.map(\.weight.shape) == [[64, 32, 14, 14], [64, 64, 1, 1]])
    #expect(mlp.maskHead.upsampling.weight.shape == [64, 7, 28, 28])
    let logits = maskLogits(Tensor([2, 32, 14, 14], repeating: 0.5), mlp.maskHead)
    #expect(logits.shape == [2, 7, 28, 28])
    // It is read from a file as it was written, and reads RoIs of no other size.
    let weights = WeightFile(
      name: "mlp",
      tensors: Dictionary(
        uniqueKeysWithValues: mlp.parameters.parameters.map { ($0.slot.name, $0.value) }),
      metadata: [:])
    let read = try MaskRCNNModel(weights: weights)
    #expect(read.settings.roi.maskBins == 14 && read.architecture.parts == mlp.architecture.parts)
    #expect(throws: Fault.self) {
      try MaskRCNNModel(weights: weights, overrides: ["roi.mask_bins": "7"])
    }
  }

  private func result(
    _ levels: SmallNetworkLevels, _ variant: AblationVariant, _ seed: UInt64, _ ap: Double,
    data: String = "shapes"
  ) -> AblationResult {
    AblationResult(
      data: data, ablation: AblationCase(levels, variant, seed: seed), steps: 10, maskAP: ap,
      maskAP50: ap + 0.25, maskAP75: ap / 2, boxAP: 0.5, seconds: 61)
  }

  @Test("results are read as they were written, and a line that is none is named")
  func table() throws {
    try withTemporaryFolder { root in
      let file = root.appending(path: "results.csv")
      #expect(try AblationResult.read(file) == [])
      let results = [
        result(.stride16, .alignMaximum, 1, 0.25), result(.pyramid, .pool, 2, 0.125),
      ]
      try AblationResult.write(results, to: file)
      let text = try String(contentsOf: file, encoding: .utf8)
      #expect(
        text == """
          data,levels,variant,seed,steps,mask_ap,mask_ap50,mask_ap75,box_ap,training_seconds
          shapes,stride-16,align-maximum,1,10,0.25,0.5,0.125,0.5,61
          shapes,pyramid,pool,2,10,0.125,0.375,0.0625,0.5,61

          """)
      #expect(try AblationResult.read(file) == results)
      for line in [
        "shapes,stride-8,pool,1,10,0,0,0,0,1", "shapes,pyramid,pool,1,10,0,0,nan,0,1", "x",
      ] {
        try Data((text + line + "\n").utf8).write(to: file)
        let fault = #expect(throws: Fault.self) { try AblationResult.read(file) }
        #expect(fault?.description.contains("results.csv: line 4 is no result") == true)
      }
    }
  }

  @Test(
    "results of several seeds become a mean, a least and a greatest value, in the paper's order")
  func groups() {
    let groups = AblationGroup.groups([
      result(.pyramid, .pool, 1, 0.5), result(.stride16, .alignAverage, 1, 0.25),
      result(.stride16, .pool, 3, 0.125), result(.stride16, .pool, 1, 0.375),
      result(.stride16, .pool, 1, 0.75, data: "nuclei"),
    ])
    #expect(groups.map(\.data) == ["shapes", "shapes", "shapes", "nuclei"])
    #expect(groups.map(\.levels) == [.stride16, .stride16, .pyramid, .stride16])
    #expect(groups.map(\.variant) == [.pool, .alignAverage, .pool, .pool])
    #expect(groups[0].results.map(\.ablation.seed) == [1, 3])
    let spread = groups[0].spread(\.maskAP)
    #expect(spread == (mean: 0.25, least: 0.125, greatest: 0.375))
  }

  @Test("the paper's rows")
  func paper() {
    // Read off tables 2b to 2e again.
    #expect(PaperResult(.stride16, .softmaxMasks)?.ap50 == 44.1)
    #expect(PaperResult(.pyramid, .mlpMaskHead)?.ap == 31.5)
    #expect(PaperResult(.pyramid, .alignAverage)?.ap75 == 35.3)
    #expect(PaperResult(.stride16, .alignAverage)?.ap75 == 31.5)
    #expect(PaperResult(.stride16, .pool)?.ap == 26.9)
    #expect(PaperResult(.stride32, .pool)?.ap50 == 46.5)
    #expect(PaperResult(.stride32, .alignAverage)?.table == "2d")
    #expect(PaperResult(.pyramid, .pool) == nil && PaperResult(.stride32, .warp) == nil)
  }
}
