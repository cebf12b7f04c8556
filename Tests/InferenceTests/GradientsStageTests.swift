import Foundation
import Inference
import Stage8Losses
import Stage9Gradients
import Tensors
import TestFixtures
import Testing
import Tracing
import WeightFiles

@Suite struct GradientsStageTests {
  @Test("a trace's losses and gradients are those that torchvision recorded")
  func reference() throws {
    try withTemporaryFolder { folder in
      let model = try LearningCase.model()
      let trace = try LearningCase.traceWithTargets(in: folder, model)
      let left = try GradientsStage(model).run(in: trace, figures: false)
      let reference = try WeightFile.read(
        LearningCase.folder.appending(path: "reference.safetensors")
      ).tensors
      let losses = try #require(reference["losses"]).values
      let step = try left.tensor("step").values
      for (index, loss) in losses.enumerated() {
        #expect(abs(step[2 * index] - loss) <= 1e-5 * loss, "\(LossName.allCases[index])")
      }
      for name in ["dP2", "dP3", "dP4", "dP5", "dC2", "dC3", "dC4", "dC5", "dinput"] {
        let theirs = try #require(reference[name])
        let maximum = try #require(reference[name + "#limits"]).values[0]
        let ours = try left.tensor(name)
        for (index, value) in theirs.values.enumerated() {
          // The reference keeps elements at even distances.
          let own = ours.values[index * ours.count / theirs.count]
          #expect(abs(own - value) <= 1e-4 * maximum, "\(name) \(index)")
        }
      }
    }
  }

  @Test("the gradient of one loss alone has the norms that it has among all")
  func oneLoss() throws {
    try withTemporaryFolder { folder in
      let model = try LearningCase.model()
      let trace = try LearningCase.traceWithTargets(in: folder, model)
      let all = try GradientsStage(model).run(in: trace, figures: false).tensor("parameter_norms")
      let masks = try #require(LossName.allCases.firstIndex(of: .masks))
      let left = try GradientsStage(model, GradientOptions(of: .mask, learningRate: 1e-4))
        .run(in: trace, figures: false)
      let alone = try left.tensor("parameter_norms")
      let count = LossName.allCases.count
      #expect(alone.shape == all.shape && alone.shape == [all.shape[0], count])
      for row in 0..<all.shape[0] {
        for loss in 0..<count {
          let place = row * count + loss
          #expect(alone.values[place] == (loss == masks ? all.values[place] : 0))
        }
      }
      // To first order, a step lowers the loss by the learning rate times the gradient's square.
      let square = (0..<all.shape[0]).reduce(0.0) {
        let norm = Double(alone.values[$1 * count + masks])
        return $0 + norm * norm
      }
      let step = try left.tensor("step").values
      let fall = Double(step[2 * masks]) - Double(step[2 * masks + 1])
      #expect(abs(fall / (1e-4 * square) - 1) < 0.05, "\(fall) \(1e-4 * square)")
    }
  }

  @Test("targets of another model are refused")
  func otherModel() throws {
    try withTemporaryFolder { folder in
      var model = try LearningCase.model()
      let trace = try LearningCase.traceWithTargets(in: folder, model)
      // Fewer classes than the targets name.
      model.settings.classNames = ["background"]
      #expect(throws: Fault.self) { try GradientsStage(model).run(in: trace, figures: false) }
    }
  }
}
