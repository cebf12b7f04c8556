import Annotations
import Foundation
import TestFixtures
import Testing
import WeightFiles

/// `train` on a folder of one image, and `evaluate` on what came out.
@Suite struct TrainCommandTests {
  @Test("scenes writes a data set that training reads, the same bits for one seed")
  func scenes() throws {
    try withTemporaryFolder { root in
      let folder = root.appending(path: "shapes")
      let outcome = try run("maskrcnn", ["scenes", folder.path, "--count", "7", "--seed", "6"])
      #expect(outcome.code == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
      let names = try FileManager.default.contentsOfDirectory(
        atPath: folder.appending(path: "images").path)
      #expect(names.sorted() == (1...7).map { "scene-000\($0).png" })
      // The bundled image and its truth are the first of them.
      let first = folder.appending(path: "images/scene-0001.png")
      let bundled = fixturesFolder.appending(path: "images/shapes.png")
      #expect(try Data(contentsOf: first) == Data(contentsOf: bundled))
      let train = try AnnotatedDataset(coco: folder.appending(path: "train.json"))
      let truth = try AnnotatedDataset(coco: fixturesFolder.appending(path: "images/shapes.json"))
      #expect(train.images.count == 6 && train.problems.isEmpty && truth.problems.isEmpty)
      #expect(train.images[0].objects == truth.images[0].objects)
      #expect(Set(truth.images[0].objects.map(\.label)) == Set(1...6))
      let val = try AnnotatedDataset(coco: folder.appending(path: "val.json"))
      #expect(val.images.map(\.file) == ["scene-0006.png"])

      let again = try run("maskrcnn", ["scenes", folder.path])
      #expect(again.code != 0 && again.errorLines.count == 1)
      let nowhere = try run("maskrcnn", ["scenes", first.path + "/x"])
      #expect(nowhere.code != 0 && nowhere.errorLines.count == 1)
    }
  }

  private let learning = fixturesFolder.appending(path: "golden/learning/bundled")
  private let nuclei = fixturesFolder.appending(path: "weights/nuclei.safetensors").path

  /// Makes a data folder of the golden image with its nuclei.
  ///
  /// - Parameter edit: changes the annotations' text
  private func data(in folder: URL, edit: (String) -> String = { $0 }) throws -> String {
    let data = folder.appending(path: "data")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    let truth = try String(contentsOf: learning.appending(path: "truth.json"), encoding: .utf8)
    for name in ["train.json", "val.json"] {
      try Data(edit(truth).utf8).write(to: data.appending(path: name))
    }
    try FileManager.default.copyItem(
      at: learning.appending(path: "image.png"), to: data.appending(path: "image.png"))
    return data.path
  }

  @Test("train from the start leaves a run; resume finds it finished; evaluate measures it")
  func scratch() throws {
    try withTemporaryFolder { folder in
      let data = try data(in: folder)
      let runFolder = folder.appending(path: "run")
      let out = folder.appending(path: "my.safetensors")
      let outcome = try run(
        "maskrcnn",
        [
          "train", "--data", data, "--steps", "3", "--batch", "1", "--seed", "4", "--run",
          runFolder.path, "--out", out.path, "--half", "--set", "input.scale=2",
        ])
      #expect(outcome.code == 0, "\(outcome.errors)")
      // Two of the three kinds of nuclei do not occur.
      #expect(outcome.errorLines.count == 2 && outcome.errors.contains("no annotation is of"))
      #expect(outcome.output.contains("1 images with 3 classes; steps 1 to 3"))
      #expect(outcome.output.contains("masks, 1 images: AP "))
      for name in [
        "run.json", "checkpoint.safetensors", "losses.csv", "log.txt", "curves.png", "index.html",
        "weights.safetensors", "film/step-0000000.png", "film/step-0000003.png",
      ] {
        #expect(FileManager.default.fileExists(atPath: runFolder.appending(path: name).path))
      }
      let weights = try WeightFile.read(out)
      #expect(weights.elementTypes == ["float16"] && weights.metadata["training.seed"] == "4")
      #expect(weights.metadata["input.scale"] == "2")

      let again = try run("maskrcnn", ["train", "--resume", runFolder.path])
      #expect(again.code == 0 && again.output.contains("all 3 steps are taken"), "\(again.errors)")

      let measured = try run(
        "maskrcnn", ["evaluate", "--data", data, "--weights", out.path, "--json"])
      let report = try #require(
        try JSONSerialization.jsonObject(with: Data(measured.output.utf8)) as? [String: Any])
      #expect(report["images"] as? Int == 1)
    }
  }

  @Test("other classes get new last layers; the frozen parts of the trunk stay")
  func tuned() throws {
    try withTemporaryFolder { folder in
      let data = try data(in: folder) {
        $0.replacingOccurrences(of: "stained nucleus", with: "cell")
      }
      let out = folder.appending(path: "my.safetensors")
      let outcome = try run(
        "maskrcnn",
        [
          "train", "--data", data, "--weights", nuclei, "--trainable", "2", "--steps", "2",
          "--batch", "1", "--run", folder.appending(path: "run").path, "--out", out.path,
        ])
      #expect(outcome.code == 0, "\(outcome.errors)")
      let (before, after) = (try WeightFile.read(URL(filePath: nuclei)), try WeightFile.read(out))
      let trunk = "backbone.body.layer"
      for (name, isSame) in [
        ("\(trunk)2.0.conv1.weight", true), ("\(trunk)3.0.conv1.weight", false),
        ("\(trunk)3.0.bn1.weight", true), ("\(trunk)3.0.bn1.running_mean", true),
        ("roi_heads.box_predictor.cls_score.weight", false),
      ] {
        #expect((before.tensors[name] == after.tensors[name]) == isSame, "\(name)")
      }
      #expect(after.metadata["class_names"]?.contains("cell") == true)
    }
  }

  @Test("data that cannot be learned from are listed, and nothing is begun")
  func faults() throws {
    try withTemporaryFolder { folder in
      let data = try data(in: folder) {
        $0.replacingOccurrences(of: "image.png", with: "gone.png")
      }
      let runFolder = folder.appending(path: "run")
      let outcome = try run("maskrcnn", ["train", "--data", data, "--run", runFolder.path])
      #expect(outcome.code != 0 && outcome.errors.contains("gone.png: there is no such image"))
      #expect(outcome.errorLines.last?.contains("training cannot begin") == true)
      #expect(!FileManager.default.fileExists(atPath: runFolder.path))
    }
  }

  @Test(
    "options that do not fit each other are refused",
    arguments: [
      (["--trainable", "3"], "--weights"), (["--resume", "a", "--steps", "3"], "--steps"),
      (["--half"], "--out"), (["--steps", "0"], "--steps"), (["--set", "a"], "key=value"),
      (["--resume", "/nowhere"], "no checkpoint"), (["--data", "/nowhere"], "no such folder"),
    ])
  func options(_ options: [String], word: String) throws {
    let outcome = try run("maskrcnn", ["train"] + options)
    #expect(outcome.code != 0 && outcome.errors.contains(word), "\(outcome.errors)")
  }

  @Test(
    "evaluate takes results or weights",
    arguments: [
      (["--data", "a"], "--results or --weights"), (["--results", "a"], "--data"),
      (["--weights", "a", "--data", "b", "--scenes", "3"], "--scenes"),
    ])
  func evaluated(_ options: [String], word: String) throws {
    let outcome = try run("maskrcnn", ["evaluate"] + options)
    #expect(outcome.code != 0 && outcome.errors.contains(word), "\(outcome.errors)")
  }
}
