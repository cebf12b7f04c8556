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

  @Test("inspect takes settings, as a run does")
  func inspectSettings() throws {
    func inspect(_ file: String, _ settings: [String]) throws -> Outcome {
      try run("maskrcnn", ["inspect", file] + settings.flatMap { ["--set", $0] })
    }
    let sizes = "anchors.sizes=[[32,40,50],[64,80,100],[128,160,200],[256,320,400],[512,640,800]]"
    let file = folder.appending(path: "anchor_sizes.pth").path
    let frozen = folder.appending(path: "frozen.pth").path
    let held = try inspect(file, [sizes, "norm_eps=0.001"])
    #expect(held.code == 0 && !held.output.contains("Not a Mask R-CNN"), "\(held.output)")
    #expect(held.output.contains("(anchors.sizes: command line)"))
    #expect(held.output.contains("0.001 (norm_eps): The command line says so"))
    for (path, setting) in [
      (file, "anchors.size=[1]"), (frozen, "norm_eps=blue"), (smallImage.path, "norm_eps=0"),
      (smallTrace.path, "norm_eps=0"),
    ] {
      let refused = try inspect(path, [setting])
      #expect(refused.code == 1 && refused.errorLines.count == 1 && refused.output.isEmpty)
      #expect(refused.errors.contains(setting.prefix { $0 != "=" }), "\(refused.errors)")
    }
  }

  @Test(
    "every stage, those of learning too, and the page, of networks with other levels",
    arguments: [
      (
        "c4.pth", "anchors on 1 level\n", [],
        ["C4 is its only level, and is called P4", "All boxes are read from P4."]
      ),
      (
        "returned_layers.pth", "anchors on 3 levels\n", [],
        ["is every second cell of P", "is limited to 3 … 4"]
      ),
      (
        "p6p7.pth", "anchors on 6 levels\n", ["--set", "anchors.sizes=[32,48,64,96,40,64]"],
        ["P6 and P7 are made by 3 × 3 convolutions"]
      ),
    ])
  func levels(name: String, words: String, anchors: [String], page: [String]) throws {
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
      // What the page explains is this network, not torchvision's.
      let html = try String(
        contentsOf: URL(filePath: trace).appending(path: "index.html"), encoding: .utf8)
      #expect(page.allSatisfy(html.contains), "\(name)")
      #expect(!html.contains("P6 is every second cell of P5"))
      let swept = try run("maskrcnn", ["roi", "sweep", "--trace", trace])
      #expect(swept.code == 0, "\(swept.errors)")
    }
  }
}
