import Foundation
import MaskRCNN

/// The package's folder, in which a notebook finds the bundled image and weights.
public let packageFolder = URL(
  filePath: ProcessInfo.processInfo.environment["SWIFTKERNEL_PACKAGE"] ?? ".",
  directoryHint: .isDirectory)

/// A file of the package's `Fixtures`: `images/nuclei.png`, `weights/nuclei.safetensors`.
public func fixture(_ path: String) -> URL { packageFolder.appending(path: "Fixtures/\(path)") }

/// The part of an image in a window, so that a cell takes seconds.
///
/// - Parameter image: `[C, H, W]`
/// - Returns: `[C, window.height, window.width]`
public func crop(_ image: Tensor, to window: Window) -> Tensor {
  let (channels, height, width) = (image.shape[0], image.shape[1], image.shape[2])
  precondition(
    window.x1 >= 0 && window.y1 >= 0 && window.x2 <= width && window.y2 <= height,
    "the window \(window) leaves the image of \(width) x \(height)")
  let rows = (0..<channels).flatMap { channel in
    (window.y1..<window.y2).map { (channel * height + $0) * width }
  }
  return Tensor(
    [channels, window.height, window.width],
    rows.flatMap { image.values[$0 + window.x1..<$0 + window.x2] })
}
