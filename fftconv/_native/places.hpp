// How the engines that add products up cut a job into tiles: ranges of output rows and of columns, of one plane.
// Included by kernels.cpp inside the namespace of its level.
#pragma once

// Where a tile lies: output rows and columns from .. to of one plane.
struct Place {
    const char* source;  // of the batch; lead axes are added per lead tap
    char* target;
    Int kernel;
    Int lead[MOST_AXES];  // output index along each lead axis
    Int top, bottom, left, right;
};

class Places {
public:
    // Strips as wide as lets `depth` rows of them stay in the cache, in vectors of `lanes` numbers of `item` bytes;
    // for several threads cut into bands of a multiple of `rows` rows.
    Places(const Job& job, Int depth, Int lanes, Int item, Int rows) : job_(job) {
        const Axis& columns = job.columns.axis;
        const Int numbers = job.channels * job.components, pixel = numbers * item;
        const Int near = NEAR_BYTES / (depth * pixel);
        const Int wide = least(most(near, 8 * reach_of(columns)), FAR_BYTES / (depth * pixel));
        const Int least_wide = most(LEAST_COLUMNS / (numbers * columns.step), 1);
        columns_ = least(most(wide, least_wide), columns.outputs);
        strips_ = (columns.outputs + columns_ - 1) / columns_;
        columns_ = (columns.outputs + strips_ - 1) / strips_;  // all about equally wide
        if (columns_ < columns.outputs)
            columns_ = least(up(columns_ * numbers, lanes * WIDE) / numbers + 1, columns.outputs);
        strips_ = (columns.outputs + columns_ - 1) / columns_;

        const Axis& down = job.rows.axis;
        rows_ = down.outputs;
        if (job.workers > 1) {
            const Int bands = (down.outputs + 4 * job.workers - 1) / (4 * job.workers);
            rows_ = least(rows_, up(most(bands, most(32, 2 * reach_of(down))), rows));
        }
        bands_ = (down.outputs + rows_ - 1) / rows_;
    }

    Int columns() const { return columns_; }  // of the widest

    Int count() const {
        Int count = strips_ * bands_;
        for (int a = 0; a < job_.leads; ++a) count *= job_.lead[a].axis.outputs;
        for (int a = 0; a < job_.batches; ++a) count *= job_.batch[a].size;
        return count;
    }

    Place operator[](Int index) const {
        Place place;
        place.left = index % strips_ * columns_;
        place.right = least(place.left + columns_, job_.columns.axis.outputs);
        index /= strips_;
        place.top = index % bands_ * rows_;
        place.bottom = least(place.top + rows_, job_.rows.axis.outputs);
        index /= bands_;
        place.source = job_.source;
        place.target = job_.target + place.top * job_.rows.target + place.left * job_.columns.target;
        place.kernel = 0;
        for (int a = job_.leads - 1; a >= 0; --a) {
            place.lead[a] = index % job_.lead[a].axis.outputs;
            index /= job_.lead[a].axis.outputs;
            place.target += place.lead[a] * job_.lead[a].target;
        }
        for (int a = job_.batches - 1; a >= 0; --a) {
            const Int at = index % job_.batch[a].size;
            index /= job_.batch[a].size;
            place.source += at * job_.batch[a].source;
            place.target += at * job_.batch[a].target;
            place.kernel += at * job_.batch[a].kernel;
        }
        return place;
    }

private:
    const Job& job_;
    Int rows_, columns_, bands_, strips_;
};
