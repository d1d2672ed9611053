"""A handful of faults under load: nothing lost, nothing counted twice, no row goes back. `make bench` has more."""

import pytest
from fault_scene import Scene, freeze_a_worker, interrupt_a_flush, kill_the_broker, rebalance_all

EVENTS_PER_S = 300
MEMBERS = 200
SEED = 20


@pytest.mark.timeout(280)
def test_after_faults_the_state_equals_a_plain_fold_over_the_log(own_broker, tmp_path):
    """Frozen, interrupted, thrown out of the group, without a broker: what is left is right."""
    own_broker.start()
    scene = Scene(own_broker, tmp_path, EVENTS_PER_S, MEMBERS, SEED)
    with scene.running():
        faults = [scene.happen(fault) for fault in (freeze_a_worker, interrupt_a_flush, rebalance_all, kill_the_broker)]
        outcome = scene.finish(faults)
    print(outcome)
    assert not outcome.died
    assert outcome.wrongs() == []
