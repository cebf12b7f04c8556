import Figures
import Foundation
import Model
import Stage3Proposals
import Stage5Heads
import Stage6Masks
import Stage8Losses
import Tensors
import Tracing

/// A question that the reader guesses at before the trace answers it.
struct Question {
  let text: String
  /// The answers to choose from.
  let choices: [String]
  /// Which of them is right.
  let right: Int
  /// What the trace says, with its numbers.
  let answer: String

  /// What the page's template takes of it.
  ///
  /// - Parameter stage: `3-proposals`
  func context(_ stage: String) -> [String: Any] {
    [
      "text": text, "answer": answer, "name": "guess-\(stage)",
      "choices": choices.enumerated().map { place, choice in
        ["text": choice, "name": "guess-\(stage)", "isRight": place == right] as [String: Any]
      },
    ]
  }

  /// Asks into which of three ranges a share falls.
  ///
  /// - Parameters:
  ///   - bounds: the shares between the ranges, ascending
  ///   - choices: what the ranges are called, the lowest first
  init(
    _ text: String, share: Double, bounds: [Double], choices: [String], answer: String
  ) {
    self.init(
      text: text, choices: choices, right: bounds.count { share >= $0 }, answer: answer)
  }

  init(text: String, choices: [String], right: Int, answer: String) {
    (self.text, self.choices, self.right, self.answer) = (text, choices, right, answer)
  }
}

extension PageSource {
  /// The question of a stage's section; nil where it has none, or the trace cannot answer it.
  ///
  /// - Throws: `Fault` if the trace is damaged.
  func question(_ stage: String) throws -> Question? {
    guard isCurrent(stage) else { return nil }
    return switch stage {
    case "2-anchors": try anchorQuestion()
    case "3-proposals": try suppressionQuestion()
    case "4-roi": try levelQuestion()
    case "5-heads": try backgroundQuestion()
    case "6-masks": try areaQuestion()
    case "8-losses": try lossQuestion()
    default: nil
    }
  }

  private func anchorQuestion() throws -> Question? {
    let folder = try trace.stage("2-anchors")
    let names = folder.levels("objectness.P").map { "objectness.P\($0)" }
    guard !names.isEmpty, names.allSatisfy({ has("2-anchors", $0) }) else { return nil }
    var (all, likely) = (0, 0)
    for name in names {
      let logits = try folder.tensor(name).values
      all += logits.count
      likely += logits.count { $0 > 0 }
    }
    guard all > 0 else { return nil }
    return Question(
      "This image has \(grouped(all)) anchors. How many of them does the network take for an "
        + "object, with an objectness above 0?",
      share: Double(likely) / Double(all), bounds: [0.01, 0.1],
      choices: ["fewer than 1 in 100", "1 in 100 to 1 in 10", "more than 1 in 10"],
      answer: "\(grouped(likely)) of \(grouped(all)), which is "
        + "\(percent(likely, of: all)). Nearly every anchor lies on background, so training has to "
        + "sample: otherwise the background would outweigh the objects.")
  }

  private func suppressionQuestion() throws -> Question? {
    guard has("3-proposals", "ledger", "candidates.index") else { return nil }
    let stage = try trace.stage("3-proposals")
    let ledger = try CandidateLedger(stage)
    let considered = try stage.integers("candidates.index")
    guard !considered.isEmpty, considered.allSatisfy(ledger.indices.contains) else { return nil }
    let suppressed = considered.count {
      if case .suppressed = ledger[$0].fate { true } else { false }
    }
    return Question(
      "\(grouped(considered.count)) candidates are compared with each other. How many of them does "
        + "non-maximum suppression remove?",
      share: Double(suppressed) / Double(considered.count), bounds: [1.0 / 3, 2.0 / 3],
      choices: ["less than a third", "one to two thirds", "more than two thirds"],
      answer: "\(grouped(suppressed)) of \(grouped(considered.count)), "
        + "\(percent(suppressed, of: considered.count)). Boxes are removed only where the overlap "
        + "with a better one is large, so several boxes per object remain; the heads decide "
        + "between those.")
  }

  private func levelQuestion() throws -> Question? {
    guard has("4-roi", "levels") else { return nil }
    let levels = try trace.stage("4-roi").integers("levels")
    let choices = Array(roiReading.assignment.levels)
    let counts = choices.map { level in levels.count { $0 == level } }
    guard choices.count > 1, let most = counts.max(), most > 0,
      let right = counts.firstIndex(of: most)
    else { return nil }
    let told = zip(choices, counts).map { "\(grouped($1)) from P\($0)" }.joined(separator: ", ")
    return Question(
      text: "From which level of the pyramid are most of the \(grouped(levels.count)) proposals of "
        + "this image read?",
      choices: choices.map { "P\($0)" }, right: right,
      answer: "From P\(choices[right]): \(told). The level follows from the size of the box alone: "
        + "the smaller the objects, the finer the level.")
  }

  private func backgroundQuestion() throws -> Question? {
    guard has("5-heads", "class_scores") else { return nil }
    let scores = try trace.stage("5-heads").tensor("class_scores")  // [R, K]
    guard scores.shape.rank == 2, scores.shape[0] > 0, scores.shape[1] > 1 else { return nil }
    let (count, classes) = (scores.shape[0], scores.shape[1])
    let background = (0..<count).count { proposal in
      let row = scores.values[proposal * classes..<(proposal + 1) * classes]
      return row.first == row.max()
    }
    return Question(
      "For how many of the \(grouped(count)) proposals is the background the class with the highest "
        + "score?",
      share: Double(background) / Double(count), bounds: [0.25, 0.75],
      choices: ["fewer than a quarter", "a quarter to three quarters", "more than three quarters"],
      answer: "\(grouped(background)) of \(grouped(count)), \(percent(background, of: count)). "
        + "The proposals are meant to miss nothing; that most of them hold no object, or only a "
        + "part of one, is settled here.")
  }

  private func areaQuestion() throws -> Question? {
    guard has("6-masks", "areas", "probabilities"), let shown = try objects()?.shown else {
      return nil
    }
    let stage = try trace.stage("6-masks")
    let cells = try stage.tensor("probabilities").shape.extents.dropFirst().reduce(1, *)
    let areas = try stage.integers("areas").prefix(shown).sorted()
    guard !areas.isEmpty, cells > 0 else { return nil }
    let median = areas[areas.count / 2]
    return Question(
      "The mask head predicts \(grouped(cells)) cells for every object. How many image pixels does "
        + "the middle one of the \(grouped(areas.count)) objects shown cover?",
      share: Double(median) / Double(cells), bounds: [0.5, 2],
      choices: ["fewer than half as many", "about as many", "more than twice as many"],
      answer: "\(grouped(median)): half of the objects cover fewer pixels, half more; the largest "
        + "covers \(grouped(areas[areas.count - 1])). Every mask has the same number of cells, so "
        + "a small object is drawn more finely than a large one.")
  }

  private func lossQuestion() throws -> Question? {
    guard has("8-losses", "losses") else { return nil }
    let losses = try trace.stage("8-losses").tensor("losses").values
    // In the order of `LossName`, in which stage 8 stores them.
    let names = ["objectness", "RPN boxes", "classes", "boxes", "masks"]
    guard losses.count == names.count, let most = losses.max(),
      let right = losses.firstIndex(of: most)
    else { return nil }
    let told = zip(names, losses).map { "\($0) \(Numerals.general($1))" }.joined(separator: ", ")
    return Question(
      text: "Which of the five losses of this image is the greatest?",
      choices: names, right: right,
      answer:
        "The loss of the \(names[right]): \(told). All five are added with the same weight, so "
        + "the greatest counts most in the next step.")
  }
}

/// `1.2 %`
private func percent(_ part: Int, of all: Int) -> String {
  let share = 100 * Double(part) / Double(max(all, 1))
  return Numerals.decimals(share, share < 10 ? 1 : 0) + " %"
}
