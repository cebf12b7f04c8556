import Commands
import Stage2Anchors

StageCommand<AnchorsStage>.start()
