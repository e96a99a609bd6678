#!/usr/bin/env bash
# Train the model that ships, in about nine hours of two cores, by Bash 4.4 or newer:
#
#     tools/train_shipped.sh ROOT R-50.pth [KEY VALUE ...]
#
# ROOT holds balloon/ with background/ in it, and synthetic_balloon/: docs/model_zoo.md tells how they are made. R-50.pth is a
# ResNet-50 trained on ImageNet, or the word imagenet, which downloads one. Runs and weights go to output/shipped/. Called
# again, it skips the runs that were done, and resumes the one that was stopped. Further keys go to every run.
set -euo pipefail

[ $# -ge 2 ] || { echo "usage: tools/train_shipped.sh ROOT R-50.pth [KEY VALUE ...]" >&2; exit 2; }
export DETECTRON2_DATASETS=$1
imagenet=$2
keys=("${@:3}")
config=configs/balloon_R50_slim_long.yaml
output=output/shipped

# run NAME WEIGHTS [KEY VALUE ...]
run() {
    local folder=$output/$1 weights=$2 resume=()
    shift 2
    [ -f "$folder/model_final.pth" ] && return
    [ -f "$folder/last_checkpoint" ] && resume=(--resume)
    python tools/train_net.py --config-file "$config" --weights "$weights" "${resume[@]}" \
        OUTPUT_DIR "$folder" DATASETS.TEST "()" "$@" "${keys[@]}"
}

# mean NAME WEIGHTS WEIGHTS ...
mean() {
    local file=$output/$1.safetensors
    [ -f "$file" ] && return
    python tools/pack_weights.py --weights "$2" --average-with "${@:3}" --config-file $config --storage fp16 --output "$file"
}

# Without photos of balloons, so that cross-validation can start from it.
run base "$imagenet" SEED 30 SOLVER.MAX_ITER 3000 SOLVER.BASE_LR_END 0.0003 SOLVER.WARMUP_ITERS 100 SOLVER.EMA_DECAY 0.995 \
    DATASETS.TRAIN "('synthetic_balloon_train','no_balloons_train','balloon_background')" DATASETS.TRAIN_REPEAT_FACTOR "[]"

# Two runs on the 61 photos for training, and a long one from their mean.
for seed in 31 32; do
    run "seed_$seed" $output/base/model_final.pth SEED $seed SOLVER.MAX_ITER 1500 SOLVER.BASE_LR_END 0.0003 SOLVER.EMA_DECAY 0.99
done
mean two $output/seed_31/model_final.pth $output/seed_32/model_final.pth
run long $output/two.safetensors SEED 50

# All 74 photos, so that nothing is left to validate on: a long run, and a short one from the mean of the long ones' ends and start.
all_photos=(
    DATASETS.TRAIN "('balloon_train','balloon_val','synthetic_balloon_train','no_balloons_train','balloon_background')"
    DATASETS.TRAIN_REPEAT_FACTOR "[('balloon_train',50),('balloon_val',50),('no_balloons_train',2),('balloon_background',2)]"
)
# A short run, from a mean, has a lower rate.
settling=(SOLVER.BASE_LR 0.004 SOLVER.WARMUP_ITERS 20 SOLVER.EMA_DECAY 0.99)
run long_74 $output/long/model_final.pth SEED 60 SOLVER.MAX_ITER 3600 "${all_photos[@]}"
mean three $output/long_74/model_final.pth $output/long/model_final.pth $output/two.safetensors
run settled $output/three.safetensors SEED 51 SOLVER.MAX_ITER 600 "${settling[@]}" "${all_photos[@]}"

# Grey pictures among those of the training.
run grey $output/settled/model_final.pth SEED 70 SOLVER.MAX_ITER 2100 INPUT.GREY 0.08 "${all_photos[@]}"
mean of_grey $output/grey/model_final.pth $output/settled/model_final.pth
run grey_settled $output/of_grey.safetensors SEED 71 SOLVER.MAX_ITER 450 INPUT.GREY 0.08 "${settling[@]}" "${all_photos[@]}"

# And pictures without balloons more often.
more_without=("${all_photos[@]}"
    DATASETS.TRAIN_REPEAT_FACTOR "[('balloon_train',50),('balloon_val',50),('no_balloons_train',3),('balloon_background',3)]")
run without $output/grey_settled/model_final.pth SEED 72 SOLVER.MAX_ITER 1500 INPUT.GREY 0.08 "${more_without[@]}"
mean of_without $output/without/model_final.pth $output/grey_settled/model_final.pth
run without_settled $output/of_without.safetensors SEED 73 SOLVER.MAX_ITER 450 INPUT.GREY 0.08 "${settling[@]}" "${more_without[@]}"

mean of_settled $output/without_settled/model_final.pth $output/grey_settled/model_final.pth

# Photos that lost detail, and pictures without balloons as often as before.
run low_quality $output/of_settled.safetensors SEED 80 SOLVER.MAX_ITER 850 SOLVER.EMA_DECAY 0.99 INPUT.GREY 0.08 \
    INPUT.LOW_QUALITY 0.4 "${all_photos[@]}"

# The same, and pictures without balloons more often again.
run low_quality_without $output/low_quality/model_final.pth SEED 81 SOLVER.MAX_ITER 1000 SOLVER.EMA_DECAY 0.99 INPUT.GREY 0.08 \
    INPUT.LOW_QUALITY 0.4 "${all_photos[@]}" \
    DATASETS.TRAIN_REPEAT_FACTOR "[('balloon_train',50),('balloon_val',50),('no_balloons_train',3),('balloon_background',4)]"

file=$output/balloon.safetensors
[ -f $file ] && exit
first() { find "$DETECTRON2_DATASETS/$1" -name '*.jpg' | sort | head -n "$2"; }
mapfile -t pictures < <(first balloon/train 20; first synthetic_balloon/train 10)
python tools/pack_weights.py --weights $output/low_quality_without/model_final.pth --config-file $config \
    --calibration "${pictures[@]}" --output $file
