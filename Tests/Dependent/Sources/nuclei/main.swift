import Foundation
import MaskRCNN

let files = CommandLine.arguments.dropFirst().map { URL(filePath: $0) }
let model = try MaskRCNNModel(contentsOf: files[0])
let image = try readImage(files[1])
for detection in model.detections(in: image) {
  print(model.settings.classNames[detection.label], detection.score, detection.box)
}
