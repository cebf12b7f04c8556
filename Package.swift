// swift-tools-version: 6.2
import PackageDescription

// The folder listing of Sources is the pipeline: a stage imports only stages with a lower number,
// and nothing below the stages imports one.

/// Which processor the kernels are compiled for: the one that compiles, unless MASKRCNN_MARCH names
/// another, such as x86-64-v3 (AVX2) or x86-64-v2 (SSE).
let processor = Context.environment["MASKRCNN_MARCH"] ?? "native"

/// With MASKRCNN_KERNELS_ONLY the package is what the tests of the kernels and the goldens need: CI
/// compiles that once more for each processor.
let kernelsOnly = Context.environment["MASKRCNN_KERNELS_ONLY"] != nil

/// With MASKRCNN_NOTEBOOKS the package is also a dynamic library, which the notebooks' Swift kernel
/// loads; without it no build takes the time to compile and link that.
let forNotebooks = Context.environment["MASKRCNN_NOTEBOOKS"] != nil

/// The rooms below the stages, each with what it may import.
let foundations: [Target] = [
  .systemLibrary(
    name: "CPNG", pkgConfig: "libpng",
    providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
  .systemLibrary(
    name: "CJPEG", pkgConfig: "libjpeg",
    providers: [.apt(["libjpeg-dev"]), .brew(["jpeg-turbo"])]),
  .systemLibrary(
    name: "CZlib", pkgConfig: "zlib",
    providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
  .systemLibrary(name: "CMalloc"),
  .systemLibrary(name: "CMathematics"),
  .target(name: "CVectorWidth"),
  .target(name: "Tensors"),
  .target(name: "WeightFiles", dependencies: ["Tensors", "CZlib"]),
  .target(
    name: "Kernels", dependencies: ["Tensors", "CMalloc", "CMathematics", "CVectorWidth"],
    // Only this target may know how wide the processor's vectors are.
    swiftSettings: [.unsafeFlags(["-Xcc", "-march=\(processor)"], .when(platforms: [.linux]))]),
  .target(name: "Figures", dependencies: ["Tensors", "CPNG", "CJPEG"]),
  .target(name: "Tracing", dependencies: ["Tensors", "WeightFiles"]),
  .target(name: "Annotations", dependencies: ["Tensors", "WeightFiles", "Figures"]),
  .target(
    name: "Evaluation", dependencies: ["Tensors", "Kernels", "Figures", "Annotations"]),
  .target(name: "Scenes", dependencies: ["Tensors", "Annotations"]),
  .target(name: "Model", dependencies: ["Tensors", "WeightFiles", "Kernels"]),
]

let stages = [
  "Stage0Input", "Stage1Backbone", "Stage2Anchors", "Stage3Proposals", "Stage4RoI",
  "Stage5Heads", "Stage6Masks", "Stage7Targets", "Stage8Losses", "Stage9Gradients",
]

/// What every stage may import; it also sees every stage with a lower number.
let belowStages = [
  "Tensors", "WeightFiles", "Kernels", "Figures", "Tracing", "Annotations", "Model",
]

/// The C library's exp and log, which stages 3 and 4 call.
let mathematics: [Target.Dependency] = ["CMathematics"]

func dependencies(_ names: [String]) -> [Target.Dependency] { names.map { .byName(name: $0) } }

let stageTargets: [Target] = stages.enumerated().map { number, name in
  .target(name: name, dependencies: dependencies(belowStages + stages[..<number]) + mathematics)
}

/// What another package imports: one name for all rooms, which are products by themselves too.
let rooms = belowStages + stages + ["Inference", "Evaluation", "Scenes", "Training"]

/// The rooms above the stages.
let upperTargets: [Target] = [
  // The stages chained in memory, and the list of them.
  .target(name: "Inference", dependencies: dependencies(belowStages + stages)),
  // Batches, augmentation, gradient descent, checkpoints, curves.
  .target(
    name: "Training",
    dependencies: dependencies(belowStages + stages + ["Inference", "Evaluation", "Scenes"])),
  .target(name: "MaskRCNN", dependencies: dependencies(rooms)),
  .target(
    name: "Goldens", dependencies: dependencies(belowStages + stages + ["Inference", "Training"])),
  .target(
    name: "Benchmarks",
    dependencies: dependencies(belowStages + stages + ["Inference", "Training"])),
  // Comparisons of RoI operators: on whole traces, and in networks trained alike.
  .target(
    name: "Ablations",
    dependencies: dependencies(
      belowStages + stages + ["Inference", "Evaluation", "Scenes", "Training"])),
  // Traces with a deliberate mistake, compared with right ones.
  .target(
    name: "Mistakes",
    dependencies: dependencies(belowStages + stages + ["Inference", "Ablations"])),
  // The page's template, style and scripts are files that are copied as they are.
  .target(
    name: "TracePage",
    dependencies: dependencies(belowStages + stages + ["Inference", "Ablations", "CZlib"])
      + [.product(name: "Mustache", package: "swift-mustache")],
    resources: [.copy("Page")]),
]

let commandNames = [
  "maskrcnn", "input", "backbone", "anchors", "proposals", "roi", "heads", "masks", "targets",
  "losses", "gradients", "bench",
]

let commandTargets: [Target] =
  [
    .target(
      name: "Commands",
      dependencies: dependencies(
        rooms + ["Goldens", "Benchmarks", "Ablations", "Mistakes", "TracePage"])
        + [.product(name: "ArgumentParser", package: "swift-argument-parser")],
      exclude: ["Executables"])
  ]
  + commandNames.map {
    .executableTarget(
      name: $0, dependencies: ["Commands"], path: "Sources/Commands/Executables/\($0)")
  }

let stageTestTargets: [Target] = stages.enumerated().map { number, name in
  .testTarget(
    name: "\(name)Tests",
    dependencies: dependencies(belowStages + stages[...number] + ["TestFixtures"]))
}

let testTargets: [Target] = [
  .target(
    name: "TestFixtures", dependencies: ["Tensors", "Figures"], path: "Tests/TestFixtures"),
  .testTarget(name: "TensorsTests", dependencies: ["Tensors"]),
  .testTarget(name: "WeightFilesTests", dependencies: ["WeightFiles", "Tensors"]),
  .testTarget(name: "KernelsTests", dependencies: ["Kernels", "Tensors", "TestFixtures"]),
  .testTarget(name: "FiguresTests", dependencies: ["Figures", "Tensors", "TestFixtures"]),
  .testTarget(name: "TracingTests", dependencies: ["Tracing", "Tensors", "TestFixtures"]),
  .testTarget(
    name: "AnnotationsTests", dependencies: ["Annotations", "Figures", "Tensors", "TestFixtures"]),
  .testTarget(
    name: "EvaluationTests",
    dependencies: ["Evaluation", "Annotations", "Kernels", "Tensors", "TestFixtures"]),
  .testTarget(name: "ScenesTests", dependencies: ["Scenes", "Annotations", "Figures", "Tensors"]),
  .testTarget(name: "ModelTests", dependencies: ["Model", "WeightFiles", "Tensors"]),
  .testTarget(
    name: "CommandTests",
    dependencies: ["TestFixtures", "Tensors", "WeightFiles", "Tracing", "Annotations"]
      + commandNames.map { .byName(name: $0) }),
  .testTarget(
    name: "StageFigureTests", dependencies: dependencies(belowStages + stages + ["TestFixtures"])),
  .testTarget(name: "GoldenTests", dependencies: ["Goldens", "Tracing", "Tensors"]),
  .testTarget(
    name: "InferenceTests",
    dependencies: dependencies(belowStages + stages + ["Inference", "TestFixtures"])),
  .testTarget(
    name: "TrainingTests",
    dependencies: dependencies(rooms + ["TestFixtures"])),
  .testTarget(
    name: "AblationsTests",
    dependencies: dependencies(rooms + ["Ablations", "TestFixtures"])),
  .testTarget(
    name: "MistakesTests",
    dependencies: dependencies(
      belowStages + stages + ["Inference", "Ablations", "Mistakes", "TestFixtures"])),
]

/// What a notebook's cells have besides the package: how they show a value and check it.
let notebookTargets: [Target] =
  forNotebooks
  ? [.target(name: "NotebookPrelude", dependencies: ["MaskRCNN"], path: "Notebooks/Prelude")] : []

let notebookProducts: [Product] =
  forNotebooks
  ? [
    .library(
      name: "MaskRCNNDynamic", type: .dynamic, targets: ["MaskRCNN", "NotebookPrelude"])
  ] : []

/// What the tests of the kernels and the goldens need above the stages.
let kernelTestTargets = (upperTargets + testTargets).filter {
  ["Inference", "Training", "Goldens", "TestFixtures", "KernelsTests", "GoldenTests"]
    .contains($0.name)
}

let package = Package(
  name: "MaskRCNN",
  platforms: [.macOS(.v26)],
  products: kernelsOnly
    ? []
    : (["MaskRCNN"] + rooms).map { .library(name: $0, targets: [$0]) }
      + commandNames.map { .executable(name: $0, targets: [$0]) } + notebookProducts,
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.0.0"),
  ],
  targets: kernelsOnly
    ? foundations + stageTargets + kernelTestTargets
    : foundations + stageTargets + upperTargets + commandTargets + testTargets + stageTestTargets
      + notebookTargets,
  swiftLanguageModes: [.v6]
)
