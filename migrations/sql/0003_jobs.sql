-- Tables and functions of jobs; its GRANTs stand at its end.
SELECT 1;
