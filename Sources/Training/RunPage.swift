import Foundation
import Tensors
import Tracing

/// `index.html` of a run's folder: configuration, curves and film on one page, which opens from a
/// file.
public struct RunPage {
  private let trainer: Trainer
  private let folder: URL
  private let results: [(name: String, value: String)]

  /// Takes a run.
  ///
  /// - Parameter results: what the network reached, by name
  public init(_ trainer: Trainer, folder: URL, results: [(name: String, value: String)]) {
    (self.trainer, self.folder, self.results) = (trainer, folder, results)
  }

  /// Writes the page, whole or not at all.
  ///
  /// - Throws: `Fault` if it cannot be written
  public func write() throws {
    try writeWhole(Array(html.utf8), to: folder.appending(path: "index.html"))
  }

  private var html: String {
    let frames =
      (try? FileManager.default.contentsOfDirectory(atPath: folder.appending(path: "film").path))
      ?? []
    let film = frames.filter { $0.hasSuffix(".png") }.sorted().map { name in
      let step = Int(name.dropFirst("step-".count).dropLast(".png".count)) ?? 0
      return "<figure><img src=\"film/\(name)\" alt=\"The image after \(step) steps: proposals, "
        + "boxes, masks\" loading=\"lazy\"></figure>"
    }
    return """
      <!DOCTYPE html>
      <html lang="en">
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>Training, \(trainer.step) steps</title>
      <style>
      body { font: 16px/1.5 system-ui, sans-serif; max-width: 1240px; margin: 2rem auto;
        padding: 0 1rem; color: #202228; background: #fff }
      table { border-collapse: collapse } td, th { padding: .2rem .8rem .2rem 0; text-align: left;
        vertical-align: top; font-weight: normal } th { color: #60646e }
      figure { margin: 1rem 0 } img { max-width: 100%; height: auto }
      </style>
      <h1>Training, \(trainer.step) of \(trainer.configuration.steps) steps</h1>
      <table>
      \((results + settings).map(row).joined(separator: "\n"))
      </table>
      <h2>Losses</h2>
      <p>Every step's numbers are in <a href="losses.csv">losses.csv</a>.</p>
      <figure><img src="curves.png" alt="Losses over the steps"></figure>
      <h2>One image that is not trained on</h2>
      \(film.joined(separator: "\n"))
      </html>

      """
  }

  private var settings: [(name: String, value: String)] {
    let configuration = trainer.configuration
    let settings = trainer.model.settings
    let classes = settings.classNames.dropFirst().joined(separator: ", ")
    return [
      ("network", trainer.model.architecture.trunkName),
      ("parameters", "\(trainer.model.architecture.parameterCount)"),
      ("classes", classes),
      ("batch", "\(configuration.imagesPerBatch) images"),
      ("seed", "\(configuration.seed)"),
      ("learning rate", "\(configuration.schedule.rate)"),
      ("momentum", "\(configuration.momentum)"),
      ("weight decay", "\(configuration.weightDecay)"),
      ("norms", configuration.norms.rawValue),
      ("frozen parts of the trunk", "\(configuration.frozenParts)"),
    ]
  }

  private func row(_ entry: (name: String, value: String)) -> String {
    "<tr><th scope=\"row\">\(entry.name.escapedHTML)</th>"
      + "<td>\(entry.value.escapedHTML)</td></tr>"
  }
}
