import Foundation
import Model
import Stage0Input
import Stage1Backbone
import Stage2Anchors
import Stage3Proposals
import Stage4RoI
import Stage5Heads
import Stage6Masks
import Tensors
import TestSupport
import Testing
import Tracing

/// What a stage records of its options, and what it takes back.
@Suite struct RecordedOptionsTests {
  private static let model = Result {
    try MaskRCNNModel(contentsOf: fixturesFolder.appending(path: "weights/nuclei.safetensors"))
  }

  private func model() throws -> MaskRCNNModel { try Self.model.get() }

  /// A stage's folder with a `stage.json` of these options and nothing else.
  private func folder<S: Stage>(
    of stage: S, options: [String: OptionValue], in parent: URL
  ) throws -> StageFolder {
    let place = parent.appending(path: "\(S.name)-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    let text = String(decoding: try JSONEncoder().encode(options), as: UTF8.self)
    try Data(
      """
      {"format": 2, "stage": "\(S.name)", "title": "", "options": \(text), "reads": {},
      "tensors": [], "figures": [], "files": []}
      """.utf8
    ).write(to: place.appending(path: "stage.json"))
    return try StageFolder.open(place, name: S.name)
  }

  /// Records a stage of which every option was changed, gives the record to the usual one, and
  /// compares what that takes from it; then leaves out one entry after another.
  private func check<S: Stage, Value: Equatable>(
    _ usual: S, changed: S, seen: (S) -> Value
  ) throws {
    try withTemporaryFolder { parent in
      for (name, value) in usual.options where usual.recordedFacts[name] == nil {
        #expect(changed.options[name] != value, "\(S.name): \(name) is to be changed")
      }
      let record = try folder(of: changed, options: changed.options, in: parent)
      let taken = try usual.withOptions(of: record)
      #expect(seen(taken) == seen(changed), "\(S.name)")
      #expect(seen(taken) != seen(usual), "\(S.name)")
      #expect(taken.options == changed.options)
      // The other way round, so that what stands for its absence is taken too.
      let usually = try folder(of: usual, options: usual.options, in: parent)
      #expect(try seen(changed.withOptions(of: usually)) == seen(usual), "\(S.name)")
      for option in S.recordedOptions where usual.options[option.name] != nil {
        var rest = usual.options
        rest[option.name] = nil
        let lacking = try folder(of: usual, options: rest, in: parent)
        let fault = #expect(throws: Fault.self) { try changed.withOptions(of: lacking) }
        #expect(fault?.description.contains("does not record its \(option.name)") == true)
      }
    }
  }

  @Test("stage 0 takes back what it records")
  func input() throws {
    let usual = InputStage(file: fixturesFolder)
    for resize in [ModelSettings.Resize.factor(2.5), .sides(shorter: 320, longer: 512)] {
      var changed = usual
      changed.resize = resize
      changed.mean = [0.1, 0, 0.3]
      changed.standardDeviation = [1, 2, 0.5]
      changed.channelOrder = .bgr
      try check(usual, changed: changed) { stage in
        [
          "\(stage.resize)", "\(stage.mean)", "\(stage.standardDeviation)", "\(stage.channelOrder)",
        ]
      }
    }
  }

  @Test("stage 1 takes back what it records")
  func backbone() throws {
    let usual = BackboneStage(try model())
    try check(usual, changed: BackboneStage(try model(), keepsBlocks: true)) { $0.keepsBlocks }
  }

  @Test("stage 2 takes back what it records")
  func anchors() throws {
    let usual = AnchorsStage(try model())
    var changed = usual
    changed.sizes = [8, 20.5, 40, 80, 160]
    changed.aspectRatios = [1, 1.5]
    changed.strides = [4, 4, 8, 8, 8, 8, 32, 32, 61, 64]
    try check(usual, changed: changed) { stage in
      [stage.sizes, stage.aspectRatios, (stage.strides ?? []).map { Float($0) }]
    }
  }

  @Test("stage 3 takes back what it records")
  func proposals() throws {
    let changed = ProposalOptions(
      preNMSTopN: 17, minimumSize: 3, nmsThreshold: 0.25, postNMSTopN: 9, deltaOrder: .yFirst)
    try check(ProposalsStage(), changed: ProposalsStage(changed)) { $0.settings }
  }

  @Test(
    "stage 4 takes back what it records",
    arguments: [
      .pool, .warp(samplingRatio: 3, maximum: true), .warp(samplingRatio: 0, maximum: false),
      .align(samplingRatio: 4, aligned: true, maximum: true),
    ] as [RoIOperator])
  func roi(_ roiOperator: RoIOperator) throws {
    try withTemporaryFolder { parent in
      let stage = RoIStage(roiOperator)
      let record = try folder(of: stage, options: stage.options, in: parent)
      #expect(try RoIStage(.torchvision).withOptions(of: record).roiOperator == roiOperator)
      for name in ["operator", "samplingRatio", "reduction", "aligned"]
      where stage.options[name] != nil {
        var rest = stage.options
        rest[name] = nil
        let lacking = try folder(of: stage, options: rest, in: parent)
        let fault = #expect(throws: Fault.self) {
          try RoIStage(.torchvision).withOptions(of: lacking)
        }
        #expect(fault?.description.contains("does not record its operator") == true)
      }
    }
  }

  @Test("stage 5 takes back what it records")
  func heads() throws {
    let usual = HeadsStage(try model())
    var changed = usual
    changed.settings = DetectionOptions(
      scoreThreshold: 0.3, minimumSize: 2, nmsThreshold: 0.75, detectionsPerImage: 11)
    try check(usual, changed: changed) { $0.settings }
  }

  @Test("stage 6 takes back what it records")
  func masks() throws {
    try check(MasksStage(), changed: MasksStage(threshold: 0.35)) { $0.threshold }
  }

  @Test("what an option cannot be is refused, and named")
  func damaged() throws {
    try withTemporaryFolder { parent in
      let stage = InputStage(file: fixturesFolder)
      for (name, value): (String, OptionValue) in [
        ("resize", .text("somehow")), ("mean", .numbers([1, 2])), ("mean", .number(1)),
        ("standardDeviation", .texts(["a", "b", "c"])), ("channelOrder", .text("rbg")),
      ] {
        let options = stage.options.merging([name: value]) { $1 }
        let record = try folder(of: stage, options: options, in: parent)
        let fault = #expect(throws: Fault.self) { try stage.withOptions(of: record) }
        #expect(fault?.description.contains("does not record its \(name)") == true)
      }
    }
  }
}
