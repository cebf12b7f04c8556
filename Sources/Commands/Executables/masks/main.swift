import Commands
import Stage6Masks

StageCommand<MasksStage>.start()
