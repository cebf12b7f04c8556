// Label maps: an image whose pixels hold the number of the object that they belong to.

import Figures
import Foundation
import Tensors

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
      let map = try PNG.decodeLabels(readBytes(of: file), name: file.path)
      let (height, width) = (map.shape[0], map.shape[1])
      let regions = MaskRegion.objects(labels: map.integers ?? [], width: width)
      if regions.isEmpty {
        problems.append(
          Fault(label, "all labels are 0, the background", remedy: "Label its objects"))
      }
      let objects = regions.map { region in
        defer { nextID += 1 }
        return TruthObject(
          id: nextID, label: 1,
          mask: RunLengthEncoding(region, width: width, height: height))
      }
      annotated.append(
        AnnotatedImage(
          id: annotated.count + 1, file: "images/\(image)", width: width, height: height,
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
