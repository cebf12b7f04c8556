import Commands
import Stage6Masks

StageCommand<MasksStage>.main()
