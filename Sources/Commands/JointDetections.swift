import Figures
import Foundation
import Inference
import Kernels
import Model
import Stage0Input
import Stage4RoI
import Stage6Masks
import Tensors
import Tracing

/// The detections of several images as one COCO results file, without traces.
struct JointDetections {
  /// The images, each with its number in the results.
  private let images: [(file: URL, id: Int)]
  private let output: URL
  private let roi: GivenFlags
  private let masks: MaskOptions

  /// Finds the images.
  ///
  /// - Parameters:
  ///   - paths: images, and folders of which all images are taken, by ascending name; none for the
  ///     bundled image
  ///   - output: the results file
  /// - Throws: `Fault` if there are no images, a file is not there, or one number is given to
  ///   several
  init(_ paths: [URL], to output: URL, roi given: GivenFlags, masks flags: GivenFlags) throws {
    self.output = output
    roi = given
    var masks = MaskOptions.torchvision
    try masks.apply(flags)
    self.masks = masks
    let files = paths.isEmpty ? [Bundled.image] : try paths.flatMap(Self.images)
    guard flags.words["image-id"] == nil || files.count == 1 else {
      throw Fault(
        "--image-id", "\(files.count) images cannot have one number",
        remedy: "Leave it out: files with numbers as names have these numbers")
    }
    let numbers = files.compactMap(MaskOptions.imageID)
    let areNamed = numbers.count == files.count && Set(numbers).count == files.count
    images = files.enumerated().map { place, file in
      (file, flags.words["image-id"] != nil ? masks.imageID : areNamed ? numbers[place] : place + 1)
    }
  }

  /// The image of a path, or those in a folder.
  private static func images(_ path: URL) throws -> [URL] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path.path, isDirectory: &isFolder) else {
      throw Fault(path.relativePath, "no such file", remedy: "Check the path")
    }
    guard isFolder.boolValue else { return [path] }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path.path)) ?? []
    let files = names.sorted().map { path.appending(path: $0) }.filter {
      ["png", "jpg", "jpeg"].contains($0.pathExtension.lowercased())
    }
    guard !files.isEmpty else {
      throw Fault(
        path.relativePath, "the folder has no PNG or JPEG images", remedy: "Name another folder")
    }
    return files
  }

  /// Applies the model to one image after another and writes the file.
  ///
  /// - Throws: `Fault` if weights or an image cannot be read; then nothing is written
  func run(trace: TraceOptions, weights: WeightsOptions, kernels: KernelOptions) throws {
    Memory.keepFreed()
    trace.threads.apply()
    let model = try MaskRCNNModel(
      contentsOf: weights.weights.map { URL(fileURLWithPath: $0) } ?? Bundled.weights,
      overrides: weights.overrides)
    warn(model.assumptions)
    var network = Network(model)
    var options = RoIOptions(model)
    try options.apply(roi)
    network.roiOperator = options.roiOperator
    let progress = ProgressLine()
    var table = Table(["image", "image_id", "detections"], right: [1, 2])
    var results: [COCOResult] = []
    for (place, image) in images.enumerated() {
      progress.show("\(place + 1) of \(images.count): \(image.file.lastPathComponent)")
      let decoded = try readImage(image.file)
      hint(decoded.hint, about: image.file)
      let pixels = decoded.pixels  // [3, H0, W0]
      let size = ImageSize(height: pixels.shape[1], width: pixels.shape[2])
      let found = kernels.kernels.running { network.detections(in: [pixels])[0] }
      results += found.map {
        COCOResult(
          $0, imageID: image.id, classNames: model.settings.classNames,
          categoryIDs: model.settings.categoryIDs, threshold: masks.threshold, image: size)
      }
      table.add([image.file.relativePath, String(image.id), String(found.count)])
    }
    try writeWhole(COCOResult.encode(results), to: output)
    progress.clear()
    print(table.text)
    print("\n\(results.count) detections are in \(output.relativePath)")
  }
}
