import Foundation
import TestFixtures
import Testing

@Suite("Weight files that people have, on the command line")
struct ModelFilesCommandTests {
  private let folder = fixturesFolder.appending(path: "model-files")
  private let small = [
    "--set", "input.min_size=160", "--set", "input.max_size=256", "--set", "detections_per_image=8",
  ]

  @Test("a run says which epsilon and anchors it assumed, and how to give others")
  func assumptions() throws {
    try withTemporaryFolder { scratch in
      let command =
        [
          smallImage.path, "--weights", folder.appending(path: "frozen.pth").path,
          "--detections", scratch.appending(path: "found.json").path,
        ] + small
      let silent = try run("maskrcnn", command)
      #expect(silent.code == 0 && silent.errorLines.count == 2, "\(silent.errors)")
      #expect(silent.errors.contains("norm_eps=1e-05 is assumed, PyTorch's default"))
      #expect(silent.errors.contains("weights=\"DEFAULT\") need --set norm_eps=0."))
      #expect(silent.errors.contains("assumed: anchors.sizes=[32,64,128,256,512] and "))
      let given = try run(
        "maskrcnn",
        command + [
          "--set", "norm_eps=0", "--set", "anchors.sizes=[[32],[64],[128],[256],[512]]",
          "--set", "anchors.aspect_ratios=[0.5,1,2]",
        ])
      #expect(given.code == 0 && given.errors.isEmpty, "\(given.errors)")
    }
    let words = try run("maskrcnn", ["inspect", folder.appending(path: "frozen.pth").path]).output
    #expect(words.contains("norm_eps=1e-05 is assumed") && words.contains("--set norm_eps=0"))
  }

  @Test("a file whose anchors nothing tells is told by what --set takes")
  func anchors() throws {
    let file = folder.appending(path: "anchor_sizes.pth").path
    let outcome = try run("maskrcnn", [smallImage.path, "--weights", file])
    #expect(outcome.code > 0 && outcome.errorLines.count == 1)
    #expect(outcome.errors.contains("--set anchors.sizes=[…]"), "\(outcome.errors)")
    let words = try run("maskrcnn", ["inspect", file]).output
    #expect(words.contains("Not a Mask R-CNN that can be run: ") && words.contains("9 anchors"))
  }

  @Test(
    "every stage, those of learning too, and the page, of networks with other levels",
    arguments: [
      ("c4.pth", "anchors on 1 level\n", []), ("returned_layers.pth", "anchors on 3 levels\n", []),
      (
        "p6p7.pth", "anchors on 6 levels\n", ["--set", "anchors.sizes=[32,48,64,96,40,64]"]
      ),
    ])
  func levels(name: String, words: String, anchors: [String]) throws {
    try withTemporaryFolder { scratch in
      let trace = scratch.appending(path: "trace").path
      let images = fixturesFolder.appending(path: "images")
      let outcome = try run(
        "maskrcnn",
        [
          images.appending(path: "nuclei.png").path, "--truth",
          images.appending(path: "nuclei-labels.png").path, "--label", "1", "--weights",
          folder.appending(path: name).path, "--trace", trace,
        ] + small + anchors)
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("9-gradients") && outcome.output.contains(words))
      #expect(outcome.output.contains("Open ") && !outcome.output.contains("No page"))
      let swept = try run("maskrcnn", ["roi", "sweep", "--trace", trace])
      #expect(swept.code == 0, "\(swept.errors)")
    }
  }
}
