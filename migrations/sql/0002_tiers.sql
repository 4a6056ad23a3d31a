-- Tables and functions of tiers; its GRANTs stand at its end.
SELECT 1;
