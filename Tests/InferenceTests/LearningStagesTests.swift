import Annotations
import Figures
import Foundation
import Inference
import Model
import Stage0Input
import Stage2Anchors
import Stage3Proposals
import Stage7Targets
import Stage8Losses
import Tensors
import TestFixtures
import Testing
import Tracing
import WeightFiles

@Suite struct LearningStagesTests {
  @Test("targets read from a trace are the targets that were computed, sampled or all")
  func targets() throws {
    try withTemporaryFolder { folder in
      let model = try LearningCase.model()
      let trace = try LearningCase.trace(in: folder, model)
      let truth = try LearningCase.truth(model)
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
        let levels = try LevelCandidates.all(trace.current(AnchorsStage.name))
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
      let model = try LearningCase.model()
      let trace = try LearningCase.trace(in: folder, model)
      let stage = TargetsStage(try LearningCase.truth(model), classNames: model.settings.classNames)
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
      let model = try LearningCase.model()
      let trace = try LearningCase.trace(in: folder, model)
      let stage = TargetsStage(try LearningCase.truth(model), classNames: model.settings.classNames)
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

@Suite struct LossesStageTests {
  @Test("stages 7 and 8 in a trace give torchvision's five losses, over as many anchors and RoIs")
  func golden() throws {
    try withTemporaryFolder { folder in
      let model = try LearningCase.model()
      let trace = try LearningCase.trace(in: folder, model)
      var targets = TargetsStage(
        try LearningCase.truth(model), classNames: model.settings.classNames)
      targets.options.sample = .all
      try targets.run(in: trace, figures: false)
      try LossesStage(model).run(in: trace, figures: false)
      // From the files, not from memory.
      let left = try Trace.open(trace.folder).current(LossesStage.name)
      let losses = try LossesStage.losses(of: left)
      let reference = try WeightFile.read(
        LearningCase.folder.appending(path: "reference.safetensors"))
      let theirs = try #require(reference.tensors["losses"]).values
      #expect(theirs.count == LossName.allCases.count)
      for (name, expected) in zip(LossName.allCases, theirs) {
        #expect(abs(losses[name].value - expected) < 1e-5 * max(expected, 1), "\(name)")
      }
      let counts = try #require(reference.tensors["counts"]).values.map { Int($0) }
      #expect(
        counts == [
          losses.rpn.objectness.elements.count, losses.rpn.boxes.elements.shape[0],
          losses.boxHead.classes.elements.count, losses.boxHead.boxes.elements.shape[0],
        ])
      #expect(losses.masks.elements.shape == [counts[3], 28, 28])
      let values = try left.tensor("losses").values
      #expect(values == LossName.allCases.map { losses[$0].value })
    }
  }

  @Test("what each RoI costs adds up to the losses of the heads")
  func ledger() throws {
    try withTemporaryFolder { folder in
      let model = try LearningCase.model()
      let trace = try LearningCase.trace(in: folder, model)
      let targets = TargetsStage(
        try LearningCase.truth(model), classNames: model.settings.classNames)
      let rois = try TargetsStage.targets(of: targets.run(in: trace, figures: false)).rois
      let left = try LossesStage(model).run(in: trace, figures: false)
      let losses = try LossesStage.losses(of: left)
      let text = try String(
        contentsOf: left.folder.appending(path: "rois.csv"), encoding: .utf8)
      let rows = text.split(separator: "\n").dropFirst().map {
        $0.split(separator: ",", omittingEmptySubsequences: false)
      }
      #expect(rows.count == rois.sampled.count)
      for (column, loss) in [(7, LossName.classes), (8, .boxes), (9, .masks)] {
        let sum = rows.reduce(0) { $0 + (Float($1[column]) ?? 0) }
        #expect(abs(sum - losses[loss].value) < 1e-4, "\(loss)")
      }
    }
  }

  @Test("an image without objects has targets and losses: two of the five, the others are 0")
  func withoutObjects() throws {
    try withTemporaryFolder { folder in
      let model = try LearningCase.model()
      let trace = try LearningCase.trace(in: folder, model)
      var truth = try LearningCase.truth(model)
      truth.image.objects = []
      let stage = TargetsStage(truth, classNames: model.settings.classNames)
      let targets = try TargetsStage.targets(of: stage.run(in: trace))
      #expect(targets.anchors.sampled.count == 256 && targets.anchors.positives.isEmpty)
      #expect(targets.rois.labels.allSatisfy { $0 == 0 } && !targets.rois.sampled.isEmpty)
      let losses = try LossesStage.losses(of: LossesStage(model).run(in: trace))
      for name in LossName.allCases {
        let isOfBackground = name == .objectness || name == .classes
        #expect((losses[name].value > 0) == isOfBackground, "\(name)")
        #expect(losses[name].value.isFinite)
      }
    }
  }

  @Test("targets of classes that the weights do not have are refused")
  func otherClasses() throws {
    try withTemporaryFolder { folder in
      let model = try LearningCase.model()
      let trace = try LearningCase.trace(in: folder, model)
      var truth = try LearningCase.truth(model)
      truth.image.objects[0].label = 7
      let stage = TargetsStage(truth, classNames: model.settings.classNames)
      try stage.run(in: trace, figures: false)
      #expect {
        try LossesStage(model).run(in: trace, figures: false)
      } throws: {
        "\($0)".contains("of more classes than the 4 of the weights")
      }
      #expect(!trace.has(LossesStage.name))
    }
  }
}

@Suite struct LearningStageListTests {
  @Test("the stages of learning follow those of inference, each at the place of its number")
  func list() {
    #expect(LearningStages.names.prefix(2) == ["7-targets", "8-losses"])
    #expect(AllStages.types.map { $0.number } == Array(AllStages.types.indices))
    #expect(AllStages.types.map { $0.name } == InferenceStages.names + LearningStages.names)
    for stage in LearningStages.types {
      let place = fixturesFolder.appending(path: "../Sources/\(stage.source)")
      #expect(FileManager.default.fileExists(atPath: place.path), "\(stage.source)")
      for input in stage.inputs { #expect(input.stage < stage.name) }
    }
  }
}
