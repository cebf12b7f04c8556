import Foundation
import Inference
import Model
import Stage0Input
import Stage1Backbone
import Stage2Anchors
import Stage3Proposals
import Stage4RoI
import Stage5Heads
import Stage6Masks
import Tensors
import TestFixtures
import Testing
import Tracing

/// What a stage records of its options, and what it takes back.
@Suite struct StageOptionsTests {
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
  private func check<S: Stage>(_ usual: S, changed: S) throws {
    try withTemporaryFolder { parent in
      for (name, value) in usual.recorded where usual.recordedFacts[name] == nil {
        #expect(changed.recorded[name] != value, "\(S.name): \(name) is to be changed")
      }
      let record = try folder(of: changed, options: changed.recorded, in: parent)
      let taken = try usual.withOptions(of: record)
      #expect(taken.options == changed.options, "\(S.name)")
      #expect(taken.options != usual.options, "\(S.name)")
      #expect(taken.recorded == changed.recorded)
      // The other way round, so that what stands for its absence is taken too.
      let usually = try folder(of: usual, options: usual.recorded, in: parent)
      #expect(try changed.withOptions(of: usually).options == usual.options, "\(S.name)")
      for option in S.Options.declared where usual.recorded[option.name] != nil {
        var rest = usual.recorded
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
      changed.options.resize = resize
      changed.options.mean = [0.1, 0, 0.3]
      changed.options.standardDeviation = [1, 2, 0.5]
      changed.options.channelOrder = .bgr
      try check(usual, changed: changed)
    }
  }

  @Test("stage 1 takes back what it records")
  func backbone() throws {
    let usual = BackboneStage(try model())
    try check(usual, changed: BackboneStage(try model(), BackboneOptions(keepsBlocks: true)))
  }

  @Test("the epsilon of the norms and the anchors that are in force are recorded")
  func inForce() throws {
    let model = try MaskRCNNModel(
      contentsOf: fixturesFolder.appending(path: "weights/nuclei.safetensors"),
      overrides: ["norm_eps": "0.25", "anchors.sizes": "[8, 16, 32, 64, 128]"])
    #expect(BackboneStage(model).recorded["normEpsilon"] == .number(0.25))
    #expect(BackboneStage(try self.model()).recorded["normEpsilon"]?.commandLineText == "1e-05")
    let anchors = AnchorsStage(model).recorded
    #expect(anchors["anchorSizes"] == .numbers([8, 16, 32, 64, 128]))
    #expect(anchors["anchorAspectRatios"] == .numbers([0.5, 1, 2]))
  }

  @Test("stage 2 takes back what it records")
  func anchors() throws {
    let usual = AnchorsStage(try model())
    var changed = usual
    changed.options.sizes = [8, 20.5, 40, 80, 160]
    changed.options.aspectRatios = [1, 1.5]
    changed.options.strides = [4, 4, 8, 8, 8, 8, 32, 32, 61, 64]
    try check(usual, changed: changed)
  }

  @Test("stage 3 takes back what it records")
  func proposals() throws {
    let changed = ProposalOptions(
      preNMSTopN: 17, minimumSize: 3, nmsThreshold: 0.25, postNMSTopN: 9, deltaOrder: .yFirst)
    try check(ProposalsStage(), changed: ProposalsStage(changed))
  }

  @Test("the operator that a network was trained with holds until a flag names another")
  func trainedOperator() throws {
    var model = try model()
    (model.settings.roi.kind, model.settings.roi.samplingRatio) = (.warp, 3)
    #expect(Network(model).roiOperator == .warp(samplingRatio: 3, maximum: false))
    #expect(RoIOptions(model).roiOperator == .warp(samplingRatio: 3, maximum: false))
    func given(_ flags: [String: String]) throws -> RoIOperator {
      var options = RoIOptions(model)
      try options.apply(GivenFlags(flags))
      return options.roiOperator
    }
    #expect(try given([:]) == .warp(samplingRatio: 3, maximum: false))
    #expect(try given(["reduction": "maximum"]) == .warp(samplingRatio: 3, maximum: true))
    #expect(
      try given(["operator": "align"])
        == .align(samplingRatio: 2, aligned: false, maximum: false))
    #expect(try given(["operator": "pool"]) == .pool)
    model.settings.roi.kind = .pool
    #expect(Network(model).roiOperator == .pool && RoIOptions(model).roiOperator == .pool)
    #expect(throws: Fault.self) { try given(["aligned": "true"]) }
  }

  @Test(
    "stage 4 takes back what it records",
    arguments: [
      .pool, .warp(samplingRatio: 3, maximum: true), .warp(samplingRatio: 0, maximum: false),
      .align(samplingRatio: 4, aligned: true, maximum: true),
    ] as [RoIOperator])
  func roi(_ roiOperator: RoIOperator) throws {
    try withTemporaryFolder { parent in
      let stage = RoIStage(RoIOptions(roiOperator))
      let record = try folder(of: stage, options: stage.recorded, in: parent)
      #expect(try RoIOptions(record).roiOperator == roiOperator)
      for name in ["operator", "samplingRatio", "reduction", "aligned"]
      where stage.recorded[name] != nil {
        var rest = stage.recorded
        rest[name] = nil
        let lacking = try folder(of: stage, options: rest, in: parent)
        let fault = #expect(throws: Fault.self) {
          try RoIOptions(lacking)
        }
        #expect(fault?.description.contains("does not record its operator") == true)
      }
    }
  }

  @Test("stage 4 takes back levels and bins, which it need not record where they are torchvision's")
  func roiLevels() throws {
    try withTemporaryFolder { parent in
      let rule = LevelAssignment(levels: 3...4, canonicalScale: 60.5, canonicalLevel: 3)
      let stage = RoIStage(RoIOptions(.torchvision, rule, bins: 5))
      #expect(stage.recorded["roiLevels"] == .numbers([3, 4]))
      #expect(
        try RoIOptions(folder(of: stage, options: stage.recorded, in: parent)) == stage.options)
      #expect(RoIStage().recorded["roiLevels"] == nil)
      for (name, value) in [
        ("roiLevels", OptionValue.numbers([3, 5])), ("canonicalScale", .number(0)),
        ("canonicalLevel", .text("P3")), ("bins", .integer(0)),
      ] {
        let wrong = try folder(
          of: stage, options: stage.recorded.merging([name: value]) { $1 }, in: parent)
        let fault = #expect(throws: Fault.self) { try RoIOptions(wrong) }
        #expect(fault?.problem == "the trace does not record its roiLevels")
      }
    }
  }

  @Test("stage 2 takes back several sizes to a level and ratios that differ")
  func nestedAnchors() throws {
    let usual = AnchorsStage(try model())
    var changed = usual
    changed.options.sizes = AnchorSizes([[8, 9], [16, 20.5]])
    changed.options.aspectRatios = AnchorAspectRatios([[1, 1.5], [0.5, 2]])
    #expect(changed.options.recorded["anchorSizes"] == .lists([[8, 9], [16, 20.5]]))
    try check(usual, changed: changed)
  }

  @Test("stage 5 takes back what it records")
  func heads() throws {
    let usual = HeadsStage(try model())
    var changed = usual
    changed.options = DetectionOptions(
      scoreThreshold: 0.3, minimumSize: 2, nmsThreshold: 0.75, detectionsPerImage: 11)
    try check(usual, changed: changed)
  }

  @Test("stage 6 takes back what it records")
  func masks() throws {
    try check(MasksStage(), changed: MasksStage(MaskOptions(threshold: 0.35, imageID: 8)))
  }

  @Test("what an option cannot be is refused, and named")
  func damaged() throws {
    try withTemporaryFolder { parent in
      let stage = InputStage(file: fixturesFolder)
      for (name, value): (String, OptionValue) in [
        ("resize", .text("somehow")), ("mean", .numbers([1, 2])), ("mean", .number(1)),
        ("standardDeviation", .texts(["a", "b", "c"])), ("channelOrder", .text("rbg")),
      ] {
        let options = stage.recorded.merging([name: value]) { $1 }
        let record = try folder(of: stage, options: options, in: parent)
        let fault = #expect(throws: Fault.self) { try stage.withOptions(of: record) }
        #expect(fault?.description.contains("does not record its \(name)") == true)
      }
    }
  }
}

/// What a command line gives, and what the page prints.
@Suite struct OptionFlagTests {
  /// The words of a command line as the flags that it gives.
  private func given(_ words: [FlagWord]) -> GivenFlags {
    GivenFlags(Dictionary(uniqueKeysWithValues: words.map { ($0.flag, $0.word ?? "true") }))
  }

  /// What a command line makes of torchvision's options.
  private func options<Options: StageOptions>(
    _ type: Options.Type, _ words: [String: String]
  ) throws -> Options {
    var options = Options.torchvision
    try options.apply(GivenFlags(words))
    return options
  }

  @Test("the flags of a record, given again, make the same options")
  func roundTrip() throws {
    func check<Options: StageOptions>(_ options: Options) throws {
      let words = try #require(Options.words(of: options.recorded))
      #expect(!words.isEmpty)
      var again = Options.torchvision
      try again.apply(given(words))
      #expect(again == options, "\(words)")
    }
    var input = InputOptions.torchvision
    for resize in [ModelSettings.Resize.factor(2.5), .sides(shorter: 320, longer: 512)] {
      input.resize = resize
      try check(input)
    }
    try check(BackboneOptions(keepsBlocks: true))
    try check(
      ProposalOptions(
        preNMSTopN: 17, minimumSize: 0.1, nmsThreshold: 0.25, postNMSTopN: 9, deltaOrder: .xFirst))
    for roiOperator: RoIOperator in [
      .pool, .warp(samplingRatio: 3, maximum: true), .warp(samplingRatio: 0, maximum: false),
      .align(samplingRatio: 4, aligned: true, maximum: true), .torchvision,
    ] {
      try check(RoIOptions(roiOperator))
    }
    var detections = DetectionOptions.torchvision
    detections.scoreThreshold = 0.3
    detections.nmsThreshold = 0.75
    detections.detectionsPerImage = 11
    try check(detections)
    try check(MaskOptions(threshold: 0.35))
    try check(MaskOptions(threshold: 0.5, imageID: 139))
  }

  @Test("a run with an option that nothing but code gives has no command")
  func deliberate() {
    var input = InputOptions.torchvision
    #expect(InputOptions.words(of: input.recorded) != nil)
    input.channelOrder = .bgr
    #expect(InputOptions.words(of: input.recorded) == nil)
    var anchors = AnchorOptions.torchvision
    #expect(AnchorOptions.words(of: anchors.recorded)?.isEmpty == true)
    anchors.strides = [4, 4]
    #expect(AnchorOptions.words(of: anchors.recorded) == nil)
    var proposals = ProposalOptions.torchvision
    proposals.deltaOrder = .yFirst
    #expect(ProposalOptions.words(of: proposals.recorded) == nil)
  }

  @Test("one of the sides keeps torchvision's proportion to the other")
  func sides() throws {
    #expect(
      try options(InputOptions.self, ["min-size": "400"]).resize
        == .sides(shorter: 400, longer: 666))
    #expect(
      try options(InputOptions.self, ["max-size": "1000"]).resize
        == .sides(shorter: 600, longer: 1000))
    #expect(try options(InputOptions.self, ["scale": "2"]).resize == .factor(2))
  }

  @Test("a command line that gives no operator leaves the options' own")
  func operatorLeft() throws {
    var roi = RoIOptions(.pool)
    try roi.apply(GivenFlags())
    #expect(roi.roiOperator == .pool)
    roi = RoIOptions(.torchvision)
    try roi.apply(GivenFlags(["sampling-ratio": "3"]))
    #expect(roi.roiOperator == .align(samplingRatio: 3, aligned: false, maximum: false))
  }

  @Test("a value that a flag does not take is refused with flag, value and what it takes")
  func refused() {
    func words<Options: StageOptions>(
      _ type: Options.Type, _ flag: String, _ word: String
    ) -> String {
      let fault = #expect(throws: Fault.self) { try options(type, [flag: word]) }
      return fault?.description ?? ""
    }
    #expect(
      words(ProposalOptions.self, "nms-threshold", "2")
        == "--nms-threshold: it cannot be 2. Give a number from 0 to 1.")
    #expect(
      words(ProposalOptions.self, "pre-nms-top-n", "0")
        == "--pre-nms-top-n: it cannot be 0. Give a whole number from 1 to 1000000000.")
    #expect(
      words(ProposalOptions.self, "pre-nms-top-n", "1.5").hasPrefix(
        "--pre-nms-top-n: it cannot be 1.5."))
    #expect(
      words(RoIOptions.self, "operator", "mean")
        == "--operator: it cannot be mean. Give one of align, pool, warp.")
    for word in ["nan", "inf", "-0.1", "", "half"] {
      #expect(words(MaskOptions.self, "threshold", word).contains("from 0 to 1"), "\(word)")
    }
  }

  @Test(
    "the help of a flag ends with torchvision's value, and says where a weight file has its own")
  func help() {
    func help<Options: StageOptions>(_ type: Options.Type, _ flag: String) -> String {
      Options.flags.first { $0.name == flag }?.help ?? ""
    }
    #expect(help(ProposalOptions.self, "nms-threshold").hasSuffix(" Default: 0.7."))
    #expect(
      help(RoIOptions.self, "sampling-ratio").hasSuffix(
        " Default: what the weight file says, or 2."))
    #expect(
      help(DetectionOptions.self, "score-threshold").hasSuffix(
        " Default: what the weight file says, or 0.05."))
    #expect(!help(BackboneOptions.self, "blocks").contains("Default"))
  }

  @Test("a record with a value that the flag would not take is refused")
  func recorded() {
    #expect(MaskOptions.words(of: ["threshold": .number(7)])?.isEmpty == true)
  }

  @Test("every stage names its number, its command and the folder of its source")
  func names() throws {
    #expect(InferenceStages.types.map { $0.number } == Array(0...6))
    #expect(
      InferenceStages.types.map { $0.command } == [
        "input", "backbone", "anchors", "proposals", "roi", "heads", "masks",
      ])
    for stage in InferenceStages.types {
      let place = fixturesFolder.appending(path: "../Sources/\(stage.source)")
      #expect(FileManager.default.fileExists(atPath: place.path), "\(stage.source)")
      for input in stage.inputs { #expect(input.stage < stage.name) }
    }
  }
}
