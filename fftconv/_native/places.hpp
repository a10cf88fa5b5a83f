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
    // Strips of at most `widest` columns, unless these are very few, which start where vectors of `lanes` numbers do;
    // for several threads cut into bands of a multiple of `rows` rows. Where these are too few, and sums are the same
    // wherever strips begin, strips are narrower.
    Places(const Job& job, Int widest, bool same_anywhere, Int lanes, Int rows) : job_(job) {
        const Axis &columns = job.columns.axis, &down = job.rows.axis;
        const Int least_wide = most(LEAST_COLUMNS / (job.channels * job.components * columns.step), 1);
        rows_ = down.outputs;
        strips_ = ratio(columns.outputs, most(widest, least_wide));
        if (job.workers > 1) {
            const Int enough = 4 * job.workers;
            rows_ = least(rows_, up(most(ratio(down.outputs, enough), most(32, 2 * reach_of(down))), rows));
            const Int wanted = same_anywhere ? ratio(enough, ratio(down.outputs, rows_)) : 1;
            strips_ = most(strips_, least(wanted, ratio(columns.outputs, least_wide)));
        }
        columns_ = least(up(ratio(columns.outputs, strips_), lanes * WIDE), columns.outputs);
        strips_ = ratio(columns.outputs, columns_);
        bands_ = ratio(down.outputs, rows_);
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
