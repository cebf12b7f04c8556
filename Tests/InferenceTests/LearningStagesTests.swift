import Annotations
import Figures
import Foundation
import Inference
import Model
import Stage0Input
import Stage2Anchors
import Stage3Proposals
import Stage7Targets
import Tensors
import TestFixtures
import Testing
import Tracing
import WeightFiles

/// The case whose targets and losses torchvision recorded in training mode.
private let learning = fixturesFolder.appending(path: "golden/learning/bundled")
private let file = learning.appending(path: "image.png")

private func model() throws -> MaskRCNNModel {
  try MaskRCNNModel(contentsOf: fixturesFolder.appending(path: "weights/nuclei.safetensors"))
}

private func truth(_ model: MaskRCNNModel) throws -> LabelledImage {
  let truth = learning.appending(path: "truth.json")
  let annotations = try ImageAnnotations(contentsOf: truth, image: "image.png")
  return LabelledImage(
    try annotations.labelled(by: model.settings, label: nil), file: "truth.json",
    checksum: Checksum.crc32(try readBytes(of: truth)))
}

/// Runs the stages of inference, with as many proposals as the case has.
private func makeTrace(_ folder: URL, _ model: MaskRCNNModel) throws -> Trace {
  let trace = try Trace.openOrBegin(folder.appending(path: "trace"))
  var stages = InferenceStages(model, image: file)
  stages.proposals.options.preNMSTopN = 50
  stages.proposals.options.postNMSTopN = 120
  for stage in stages.all[...4] { try stage.run(in: trace, figures: false) }
  return trace
}

@Suite struct LearningStagesTests {
  @Test("targets read from a trace are the targets that were computed, sampled or all")
  func targets() throws {
    try withTemporaryFolder { folder in
      let model = try model()
      let trace = try makeTrace(folder, model)
      let truth = try truth(model)
      for sample in TargetOptions.Sample.allCases {
        var stage = TargetsStage(truth, classNames: model.settings.classNames)
        stage.options.sample = sample
        stage.options.anchorsPerImage = 60
        stage.options.roisPerImage = 20
        stage.options.seed = 3
        try stage.run(in: trace, figures: false)
        // From the files, not from memory.
        let left = try TargetsStage.targets(
          of: Trace.open(trace.folder).current(TargetsStage.name))

        let sizes = try InputSizes(trace.current(InputStage.name))
        let objects = try ImageTruth(truth.image, sizes: sizes)
        let levels = try ["P2", "P3", "P4", "P5", "P6"].map {
          try LevelCandidates(trace.current(AnchorsStage.name), level: $0)
        }
        var generator = SeededGenerator(seed: 3)
        let anchors = anchorTargets(
          levels.flatMap(\.anchors), truth: objects, matcher: .anchors,
          sampling: stage.options.anchorSampling, using: &generator)
        let rois = roiTargets(
          try trace.current(ProposalsStage.name).boxes("proposals"), truth: objects, maskSide: 28,
          matcher: .proposals, sampling: stage.options.roiSampling, using: &generator)
        #expect(left.truth == objects && !objects.boxes.isEmpty)
        #expect(left.anchors == anchors && !anchors.positives.isEmpty)
        #expect(left.rois == rois && !rois.positives.isEmpty)
        #expect(sample == .all || (anchors.sampled.count == 60 && rois.sampled.count == 20))
      }
    }
  }

  @Test("the ledgers have a line for every anchor that matters and for every candidate")
  func ledgers() throws {
    try withTemporaryFolder { folder in
      let model = try model()
      let trace = try makeTrace(folder, model)
      let stage = TargetsStage(try truth(model), classNames: model.settings.classNames)
      let left = try stage.run(in: trace, figures: false)
      let targets = try TargetsStage.targets(of: left)
      func lines(_ name: String) throws -> [[Substring]] {
        try String(contentsOf: left.folder.appending(path: name), encoding: .utf8)
          .split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
      }
      let anchors = try lines("anchors.csv")
      #expect(anchors[0].prefix(6) == ["anchor", "level", "row", "column", "shape", "x1"])
      let sampled = targets.anchors.isSampled
      let expected = sampled.indices.filter {
        sampled[$0] || targets.anchors.matches[$0].label != .negative
      }
      #expect(anchors.dropFirst().map { Int($0[0]) } == expected)
      #expect(anchors.allSatisfy { $0.count == anchors[0].count })
      #expect(
        anchors.count { $0[11] == "positive" && $0[13] == "1" && !$0[14].isEmpty }
          == targets.anchors.positives.count)
      let rois = try lines("rois.csv")
      #expect(rois.count == targets.rois.candidates.count + 1)
      #expect(rois.count { $0[1] == "truth" } == targets.truth.boxes.count)
      #expect(
        rois.dropFirst().compactMap { Int($0[9]) }.sorted()
          == Array(targets.rois.sampled.indices))
      #expect(
        rois.count { $0[11] == "\"fluorescence nucleus\"" } == targets.rois.positives.count)
    }
  }

  @Test("stored targets that do not fit each other are refused")
  func damaged() throws {
    try withTemporaryFolder { folder in
      let model = try model()
      let trace = try makeTrace(folder, model)
      let stage = TargetsStage(try truth(model), classNames: model.settings.classNames)
      let left = try stage.run(in: trace, figures: false)
      // A record whose tensor has become another one of the same stage.
      func exchanged(_ name: String, _ other: String) throws -> StageFolder {
        let place = left.folder.appending(path: "stage.json")
        let record = try String(contentsOf: place, encoding: .utf8)
        try record.replacing("\"name\" : \"\(name)\"", with: "\"name\" : \"x\"")
          .replacing("\"name\" : \"\(other)\"", with: "\"name\" : \"\(name)\"")
          .write(to: place, atomically: true, encoding: .utf8)
        defer { try? record.write(to: place, atomically: true, encoding: .utf8) }
        return try Trace.open(trace.folder).stage(TargetsStage.name)
      }
      for (name, other) in [
        ("anchors.sampled", "anchors.label"), ("anchors.deltas", "rois.deltas"),
        ("rois.labels", "rois.positives"), ("truth.windows", "truth.boxes"),
        ("rois.truth", "anchors.truth"), ("truth.size", "truth.labels"),
      ] {
        let folder = try exchanged(name, other)
        #expect(throws: Fault.self, "\(name)") { try TargetsStage.targets(of: folder) }
      }
    }
  }
}

@Suite struct LearningStageListTests {
  @Test("the stages of learning follow those of inference, each at the place of its number")
  func list() {
    #expect(LearningStages.names.first == "7-targets")
    #expect(AllStages.types.map { $0.number } == Array(AllStages.types.indices))
    #expect(AllStages.types.map { $0.name } == InferenceStages.names + LearningStages.names)
    for stage in LearningStages.types {
      let place = fixturesFolder.appending(path: "../Sources/\(stage.source)")
      #expect(FileManager.default.fileExists(atPath: place.path), "\(stage.source)")
      for input in stage.inputs { #expect(input.stage < stage.name) }
    }
  }
}
