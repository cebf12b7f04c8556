import Figures
import Foundation
import Kernels
import Tensors
import Tracing

/// What a page's template takes of one stage.
func sectionContext(
  _ folder: StageFolder, of trace: Trace, stale: StaleStage?, exhibits: [Exhibit], prose: String,
  question: Question?
) throws -> [String: Any] {
  let record = folder.record
  let known = stage(named: record.stage)
  let inputs = known?.inputs.compactMap { $0.context(trace) } ?? []
  // Run by its command, the stage would lose the mistake that was made in it on purpose.
  let isMistaken = trace.record.note?.mistake != nil && trace.record.note?.stage == record.stage
  let words =
    isMistaken ? nil : known.flatMap { command($0, as: record, trace: trace.name) }
  return [
    "id": record.stage,
    "number": String(record.stage.prefix { $0 != "-" }),
    "word": stageWord(record.stage),
    "title": record.title,
    "stale": stale.map { [staleStageContext($0, command: words)] } ?? [],
    "prose": prose,
    "question": question.map { [$0.context(record.stage)] } ?? [],
    "main": try exhibits.isEmpty ? mainFigure(folder) : [],
    "inputs": inputs,
    "hasInputs": !inputs.isEmpty,
    "options": record.options.sorted { $0.key < $1.key }.map {
      ["name": $0.key, "value": $0.value.commandLineText]
    },
    "source": known.map { ["Sources/\($0.source)"] } ?? [],
    "command": words.map { [["words": $0]] } ?? [],
    "exhibits": try exhibits.map { exhibit in
      [
        "name": exhibit.name, "title": exhibit.title, "lead": exhibit.lead,
        "evidence": try exhibit.evidence.map { try PageFiles.text($0) } ?? "",
        "isFolded": exhibit.isFolded,
      ] as [String: Any]
    },
    "tensors": record.tensors.map { tensor in
      let links = tensor.file.map { ["\(record.stage)/\($0)"] } ?? []
      return [
        "name": tensor.name,
        "shape": extents(tensor.shape),
        "axes": tensor.axes.joined(separator: " × "),
        "least": Numerals.general(tensor.minimum), "greatest": Numerals.general(tensor.maximum),
        "mean": Numerals.general(tensor.mean), "units": tensor.units, "note": tensor.note,
        "file": links,
      ] as [String: Any]
    },
    "files": record.files.map {
      ["file": "\(record.stage)/\($0.file)", "name": $0.file, "caption": $0.caption]
    },
    "figures": try gallery(folder),
  ]
}

/// What the template takes of a stale stage.
///
/// - Parameter command: the words of the command that refreshes it; nil where there is none
func staleStageContext(_ stage: StaleStage, command: [String]?) -> [String: Any] {
  [
    "stage": stage.stage, "reason": stage.reason,
    "command": command.map { [$0.joined(separator: " ")] } ?? [],
  ]
}

/// The figure that a chapter without an exhibit shows beside its text; none where the stage drew none.
private func mainFigure(_ folder: StageFolder) throws -> [[String: String]] {
  let wanted = [
    "0-input": "channels", "2-anchors": "objectness", "5-heads": "refinement",
    "7-targets": "mask-targets", "8-losses": "mask-loss", "9-gradients": "roi",
  ]
  let figures = folder.record.figures
  let named = wanted[folder.record.stage].map { "figures/\($0).png" }
  guard let figure = figures.first(where: { $0.file == named }) ?? figures.first else { return [] }
  let shown = try Thumbnail(figure, of: folder.folder, width: Thumbnail.main, quality: 65)
  return [
    shown.context.merging([
      "file": "\(folder.record.stage)/\(figure.file)", "title": headAndRest(figure.caption).head,
    ]) { $1 }
  ]
}

/// The figures of a stage, small; each leads to the file beside the page.
private func gallery(_ folder: StageFolder) throws -> [[String: String]] {
  let (figures, place, stage) = (folder.record.figures, folder.folder, folder.record.stage)
  let small = Threads.map(figures.count) { index in
    Result { try Thumbnail(figures[index], of: place, width: Thumbnail.gallery, quality: 62) }
  }
  return try zip(figures, small).map { figure, small in
    let (title, caption) = headAndRest(figure.caption)
    var context = try small.get().context.merging([
      "file": "\(stage)/\(figure.file)", "title": title, "caption": caption,
      "source": figure.source,
    ]) { $1 }
    // The template takes an empty text for one that is there.
    if !figure.lookFor.isEmpty { context["lookFor"] = figure.lookFor }
    return context
  }
}
