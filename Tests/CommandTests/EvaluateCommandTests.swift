import Foundation
import TestFixtures
import Testing

private let golden = fixturesFolder.appending(path: "golden/evaluation")

@Suite struct EvaluateCommandTests {
  private struct Report: Decodable {
    struct Numbers: Decodable {
      struct ClassNumbers: Decodable {
        let name: String
        let objects: Int
        let numbers: [String: Double?]
      }
      let compared: String
      let numbers: [String: Double?]
      let classes: [ClassNumbers]
    }
    let images: Int
    let evaluations: [Numbers]
  }

  private struct Expected: Decodable {
    let numbers: [Double]
  }

  private func arguments(_ name: String) -> [String] {
    let folder = golden.appending(path: name)
    return [
      "evaluate", "--data", folder.appending(path: "truth.json").path, "--results",
      folder.appending(path: "results.json").path,
    ]
  }

  @Test("evaluate prints pycocotools' numbers as a table and as JSON, and draws curves")
  func numbers() throws {
    try withTemporaryFolder { folder in
      let figure = folder.appending(path: "curves.png")
      let outcome = try run("maskrcnn", arguments("plain") + ["--curves", figure.path])
      #expect(outcome.code == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
      let expected = try JSONDecoder().decode(
        [Expected].self, from: Data(contentsOf: golden.appending(path: "plain/expected.json")))
      let lines = outcome.output.split(separator: "\n")
      for (key, place) in [("AP ", 0), ("AP75", 2), ("AR100", 8), ("ARl", 11)] {
        let line = try #require(lines.first { $0.hasPrefix(key) })
        let printed = line.split(separator: " ").suffix(2).compactMap { Double($0) }
        #expect(printed.count == 2 && expected.count == 2)
        for (number, golden) in zip(printed, expected) {
          #expect(abs(number - golden.numbers[place]) < 0.00051)
        }
      }
      #expect(try Data(contentsOf: figure).starts(with: [0x89, 0x50, 0x4e, 0x47]))

      let json = try run("maskrcnn", arguments("plain") + ["--json"])
      let report = try JSONDecoder().decode(Report.self, from: Data(json.output.utf8))
      #expect(report.images == 12 && report.evaluations.map(\.compared) == ["boxes", "masks"])
      let keys = [
        "AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl",
      ]
      for (evaluation, golden) in zip(report.evaluations, expected) {
        #expect(evaluation.numbers.count == 12 && evaluation.classes.count == 3)
        #expect(golden.numbers.count == keys.count)
        for (key, number) in zip(keys, golden.numbers) {
          let value = try #require(evaluation.numbers[key])
          #expect(abs((value ?? -1) - number) < 1e-9, "\(key)")
        }
      }
    }
  }

  @Test("evaluate --errors writes the worst images, a confusion matrix and every detection")
  func errors() throws {
    try withTemporaryFolder { folder in
      let place = folder.appending(path: "errors")
      let outcome = try run("maskrcnn", arguments("plain") + ["--errors", place.path])
      #expect(outcome.code == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
      #expect(outcome.output.contains("Look at \(place.path)/worst-images.png"))
      for name in ["worst-images.png", "confusion.png"] {
        let data = try Data(contentsOf: place.appending(path: name))
        #expect(data.starts(with: [0x89, 0x50, 0x4e, 0x47]))
      }
      let images = try String(contentsOf: place.appending(path: "images.csv"), encoding: .utf8)
      #expect(images.hasPrefix("image,file,missed,false,confused,badly_masked\n"))
      #expect(images.split(separator: "\n").count == 13)
      let rows = try String(contentsOf: place.appending(path: "detections.csv"), encoding: .utf8)
        .split(separator: "\n")
      #expect(rows[0] == "class,image,score,highest_iou,true_positive,precision,recall")
      #expect(rows.count > 10 && Set(rows.dropFirst().map { $0.prefix { $0 != "," } }).count == 3)
      let blocked = try run(
        "maskrcnn", arguments("plain") + ["--errors", place.path + "/images.csv/x"])
      #expect(blocked.code != 0 && blocked.errorLines.count == 1)
      #expect(blocked.errors.contains("--errors"))
    }
  }

  @Test("classes without objects have a dash, and what is odd is a warning a line")
  func absences() throws {
    let outcome = try run("maskrcnn", arguments("absences") + ["--compare", "masks"])
    #expect(outcome.code == 0)
    #expect(outcome.output.contains("nowhere"))
    #expect(outcome.errorLines.allSatisfy { $0.hasPrefix("Warning: ") })
    #expect(outcome.errors.contains("no annotation is of the category 2"))
    #expect(outcome.errors.contains("no category has the id 5"))
  }

  @Test("one line for truth in place of results, a missing file, and an impossible limit")
  func refused() throws {
    let truth = golden.appending(path: "plain/truth.json").path
    for (results, words) in [(truth, "is no list"), ("/nowhere.json", "no such file")] {
      let outcome = try run("maskrcnn", ["evaluate", "--data", truth, "--results", results])
      #expect(outcome.code == 1 && outcome.errorLines.count == 1)
      #expect(outcome.errors.contains(words) && outcome.output.isEmpty, "\(outcome.errors)")
    }
    #expect(try run("maskrcnn", arguments("plain") + ["--max-detections", "9"]).code == 64)
  }
}
