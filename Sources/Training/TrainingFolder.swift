// A folder of the reader's own data: which annotations, which images, what to learn from and what
// to measure with.

import Annotations
import Figures
import Foundation
import Tensors

/// The two parts of a data set.
public enum DataSplit: String, Sendable, CaseIterable {
  /// What a network learns from.
  case train
  /// What it is measured with.
  case val
}

/// Annotated images in files.
public struct ImageFolder: Sendable {
  /// The annotations.
  public let dataset: AnnotatedDataset
  /// The file of each image, by its number; one that is not there is missing.
  private let files: [Int: URL]

  /// Finds the images of a data set: each under its name in one of some folders, the first that has
  /// it.
  public init(_ dataset: AnnotatedDataset, in folders: [URL]) {
    self.dataset = dataset
    let manager = FileManager.default
    files = Dictionary(
      dataset.images.compactMap { image in
        let places = folders.map { $0.appending(path: image.file) }
        return places.first { manager.fileExists(atPath: $0.path) }.map { (image.id, $0) }
      }, uniquingKeysWith: { first, _ in first })
  }

  /// The images that are not there.
  public var missing: [AnnotatedImage] { dataset.images.filter { files[$0.id] == nil } }

  /// The pixels of an image, RGB in 0...1, `[3, H, W]`.
  ///
  /// - Throws: `Fault` if it is not there, or no image
  public func pixels(_ image: AnnotatedImage) throws -> Tensor {
    guard let file = files[image.id] else {
      throw Fault(
        image.file, "there is no such image beside the annotations \(dataset.name)",
        remedy: "Add it, or remove it from the annotations")
    }
    return try readImage(file).pixels
  }
}

extension ImageFolder {
  /// Reads one part of a data folder:
  ///
  /// - `train.json` and `val.json` in COCO's format, with images beside them, in `images/`, or in
  ///   `train/` and `val/`;
  /// - or one other COCO file, or `images/` and `labels/` with label maps, divided by `split.json`:
  ///   `{"train": […], "val": […]}`, lists of image names, or of objects with such a name as `id`;
  ///   without `split.json`, every fifth image is of `val`.
  ///
  /// A COCO file itself may be named in the folder's place: then it is the whole part.
  ///
  /// - Throws: `Fault` if there are no annotations or they cannot be read
  public init(_ path: URL, _ split: DataSplit) throws {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path.path, isDirectory: &isFolder) else {
      throw Fault(path.relativePath, "there is no such folder", remedy: "Check the path")
    }
    func places(_ root: URL) -> [URL] {
      [root, root.appending(path: "images"), root.appending(path: split.rawValue)]
    }
    guard isFolder.boolValue else {
      self.init(try AnnotatedDataset(coco: path), in: places(path.deletingLastPathComponent()))
      return
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: path.path).sorted()
    let own = path.appending(path: "\(split.rawValue).json")
    if names.contains(own.lastPathComponent) {
      self.init(try AnnotatedDataset(coco: own), in: places(path))
      return
    }
    let files = names.filter { $0.hasSuffix(".json") && $0 != SplitFile.name }
    let isDivided = files.contains { $0 == "train.json" || $0 == "val.json" }
    guard !isDivided, files.count == 1 || names.contains("labels") else {
      throw Fault(
        path.relativePath,
        isDivided
          ? "there is no \(split.rawValue).json" : "there are no annotations of one kind in it",
        remedy: "Give train.json and val.json in COCO's format, or images/ with labels/")
    }
    let whole =
      try names.contains("labels")
      ? AnnotatedDataset(labelMaps: path) : AnnotatedDataset(coco: path.appending(path: files[0]))
    let divided = try SplitFile(in: path).part(split, of: whole)
    self.init(divided, in: places(path))
  }
}

/// How the images of one data set are divided.
private struct SplitFile {
  static let name = "split.json"
  /// The names of the images of each part; nil without a file.
  private let parts: [String: Set<String>]?
  private let file: URL

  private enum Entry: Decodable {
    case name(String)
    case object(id: String)

    private struct Object: Decodable { var id: String }

    init(from decoder: any Decoder) throws {
      if let name = try? decoder.singleValueContainer().decode(String.self) {
        self = .name(name)
      } else {
        self = .object(id: try Object(from: decoder).id)
      }
    }

    var stem: String {
      switch self {
      case .name(let text), .object(let text): SplitFile.stem(text)
      }
    }
  }

  /// A name without folders and extension.
  private static func stem(_ name: String) -> String {
    ((name as NSString).lastPathComponent as NSString).deletingPathExtension
  }

  init(in folder: URL) throws {
    file = folder.appending(path: Self.name)
    guard FileManager.default.fileExists(atPath: file.path) else {
      parts = nil
      return
    }
    do {
      let lists = try JSONDecoder().decode([String: [Entry]].self, from: readData(of: file))
      parts = lists.mapValues { Set($0.map(\.stem)) }
    } catch {
      throw Fault(
        file.relativePath, "this is no list of images for train and val",
        remedy: "Write {\"train\": [names], \"val\": [names]}")
    }
  }

  /// The images of one part, with all classes.
  func part(_ split: DataSplit, of whole: AnnotatedDataset) throws -> AnnotatedDataset {
    var part = whole
    part.images = whole.images.enumerated().filter { index, image in
      guard let parts else { return (index % 5 == 4) == (split == .val) }
      return parts[split.rawValue]?.contains(Self.stem(image.file)) ?? false
    }.map(\.element)
    guard !part.images.isEmpty else {
      throw Fault(
        file.relativePath, "no image is of \(split.rawValue)",
        remedy: "List images of both train and val in it")
    }
    return part
  }
}
