// Label maps: an image whose pixels hold the number of the object that they belong to.

import Figures
import Foundation
import Tensors

/// A label map: 0 is the background, every other number one object, in one piece or several.
struct LabelMap {
  let width: Int
  let height: Int
  /// `[H, W]`, row-major.
  private let labels: [Int]

  /// Reads a grey PNG of 8 or 16 bits.
  ///
  /// - Throws: `Fault` if it is no such file, or seems to be a photograph
  init(_ bytes: [UInt8], name: String) throws {
    let map = try PNG.decodeLabels(bytes, name: name)
    (height, width, labels) = (map.shape[0], map.shape[1], map.integers ?? [])
    let (count, share) = (Set(labels).count, shareOfEqualNeighbours)
    guard count <= Self.fewLabels || share >= 0.5 else {
      throw Fault(
        name,
        "this seems to be no label map: it has \(count) different numbers, and only "
          + "\(Numerals.share(Float(share))) of neighbouring pixels have the same one",
        remedy:
          "Give an image in which all pixels of an object have one number, and the background "
          + "has 0")
    }
  }

  /// With so many labels or fewer, anything is believed to be a label map.
  private static let fewLabels = 64

  /// Of all pairs of neighbours that are no background, those of one object. Objects have an inside;
  /// in a photograph of 16 bits neighbours differ by noise.
  private var shareOfEqualNeighbours: Double {
    var (pairs, equal) = (0, 0)
    for (place, label) in labels.enumerated() where label != 0 {
      if place % width > 0, labels[place - 1] != 0 {
        pairs += 1
        if labels[place - 1] == label { equal += 1 }
      }
      if place >= width, labels[place - width] != 0 {
        pairs += 1
        if labels[place - width] == label { equal += 1 }
      }
    }
    return pairs > 0 ? Double(equal) / Double(pairs) : 1
  }

  /// The objects' masks by ascending label.
  ///
  /// - Complexity: O(H W) in time and memory, however many objects there are
  var masks: [RunLengthEncoding] {
    var found: [Int: (runs: [Int], end: Int)] = [:]
    for x in 0..<width {
      for y in 0..<height {
        let label = labels[y * width + x]
        guard label != 0 else { continue }
        let place = x * height + y
        var (runs, end) = found.removeValue(forKey: label) ?? ([], 0)
        if end == place, !runs.isEmpty {
          runs[runs.count - 1] += 1
        } else {
          runs += [place - end, 1]
        }
        end = place + 1
        found[label] = (runs, end)
      }
    }
    return found.sorted { $0.key < $1.key }.map { _, mask in
      let rest = width * height - mask.end
      return RunLengthEncoding(
        trusted: mask.runs + (rest > 0 ? [rest] : []), width: width, height: height)
    }
  }
}

extension AnnotatedDataset {
  /// Reads a folder of label maps, `labels/NAME.png`, each about `images/NAME.png` or
  /// `images/NAME.jpg` beside it. All objects have one class, numbered 1.
  ///
  /// Images are numbered from 1 in the order of their names. A label map without objects is an
  /// image without objects, listed in `problems`, as is an image without a label map. Whether an
  /// image has its label map's size is checked where the image is read.
  ///
  /// - Throws: `Fault` if there is no label map or one cannot be read
  public init(labelMaps folder: URL, className: String = "object") throws {
    let files = FileManager.default
    func names(_ part: String) -> [String] {
      ((try? files.contentsOfDirectory(atPath: folder.appending(path: part).path)) ?? []).sorted()
    }
    let labels = names("labels").filter { $0.lowercased().hasSuffix(".png") }
    guard !labels.isEmpty else {
      throw Fault(
        folder.path, "there is no label map in its folder labels",
        remedy: "Store one PNG per image there, with the name of the image")
    }
    let images = Dictionary(
      names("images").map { (LabelMapName.stem($0), $0) }, uniquingKeysWith: { first, _ in first })
    var problems: [Fault] = []
    var annotated: [AnnotatedImage] = []
    var nextID = 1
    for label in labels {
      guard let image = images[LabelMapName.stem(label)] else {
        problems.append(
          Fault(label, "there is no image of this name", remedy: "Add it to the folder images"))
        continue
      }
      let file = folder.appending(path: "labels/\(label)")
      let map = try LabelMap(readBytes(of: file), name: file.path)
      let masks = map.masks
      if masks.isEmpty {
        problems.append(
          Fault(label, "all labels are 0, the background", remedy: "Label its objects"))
      }
      let objects = masks.map { mask in
        defer { nextID += 1 }
        return TruthObject(id: nextID, label: 1, mask: mask)
      }
      annotated.append(
        AnnotatedImage(
          id: annotated.count + 1, file: "images/\(image)", width: map.width, height: map.height,
          objects: objects))
    }
    let labelled = Set(labels.map(LabelMapName.stem))
    for image in images.keys.sorted() where !labelled.contains(image) {
      problems.append(
        Fault(
          images[image] ?? image, "there is no label map of this name",
          remedy: "Add it to the folder labels, or remove the image"))
    }
    self.init(
      name: folder.path, classes: [AnnotatedClass(id: 1, name: className)], images: annotated,
      problems: problems)
  }
}

private enum LabelMapName {
  /// The name of a file without its extension.
  static func stem(_ name: String) -> String { (name as NSString).deletingPathExtension }
}
